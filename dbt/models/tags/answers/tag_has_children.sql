-- Answered has_children yes in the chat within 1095 days; unknown once the answer is older.
{{ patients_who_said("has_children", "yes", 1095, "self_reported") }}
