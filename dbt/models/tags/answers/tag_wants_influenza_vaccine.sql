-- Answered influenza_wish yes in the chat within 300 days; unknown once the answer is older.
{{ patients_who_said("influenza_wish", "yes", 300, "self_reported") }}
