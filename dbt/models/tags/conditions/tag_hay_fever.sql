-- Has 花粉症・アレルギー性鼻炎 confirmed within twelve months; suspicion alone never counts. Unknown at a
-- clinic without diagnoses.
{{ patients_with_condition("hay_fever") }}
