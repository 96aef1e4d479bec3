-- Answered department 19 in the chat within 365 days; unknown once the answer is older.
{{ patients_who_said("department", "19", 365, "self_reported") }}
