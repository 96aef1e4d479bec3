-- Answered smoking current in the chat within 450 days, and no valid measurement says otherwise;
-- unknown once the answer is older.
{{ patients_who_said("smoking", "current", 450, "emr") }}
