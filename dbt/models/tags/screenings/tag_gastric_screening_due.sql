-- Is due for a screening of seed screening_schedule by the records of this clinic; unknown where
-- it keeps none.
{{ patients_due_for_screening("gastric_screening_due") }}
