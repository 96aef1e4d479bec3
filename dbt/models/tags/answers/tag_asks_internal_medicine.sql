-- Answered department 01 in the chat within 365 days; unknown once the answer is older.
{{ patients_who_said("department", "01", 365, "self_reported") }}
