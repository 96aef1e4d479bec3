-- Has 慢性閉塞性肺疾患 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
{{ patients_with_condition("copd") }}
