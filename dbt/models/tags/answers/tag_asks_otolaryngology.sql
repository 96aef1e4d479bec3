-- Answered department 27 in the chat within 365 days; unknown once the answer is older.
{{ patients_who_said("department", "27", 365, "self_reported") }}
