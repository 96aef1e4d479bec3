-- Has 脂質異常症 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
{{ patients_with_condition("dyslipidemia") }}
