-- Answered department 09 in the chat within 365 days; unknown once the answer is older.
{{ patients_who_said("department", "09", 365, "self_reported") }}
