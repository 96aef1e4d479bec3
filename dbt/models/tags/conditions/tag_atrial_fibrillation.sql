-- Has 心房細動 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
{{ patients_with_condition("atrial_fibrillation") }}
