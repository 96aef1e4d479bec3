-- Has 慢性腎臓病 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
{{ patients_with_condition("chronic_kidney_disease") }}
