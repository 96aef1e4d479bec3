-- Has 虚血性心疾患 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
{{ patients_with_condition("ischemic_heart_disease") }}
