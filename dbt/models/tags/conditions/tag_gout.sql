-- Has 痛風・高尿酸血症 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
{{ patients_with_condition("gout") }}
