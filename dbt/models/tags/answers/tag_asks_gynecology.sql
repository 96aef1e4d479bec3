-- Answered department 25 in the chat within 365 days; unknown once the answer is older.
{{ patients_who_said("department", "25", 365, "self_reported") }}
