-- Has 脳卒中 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
{{ patients_with_condition("stroke") }}
