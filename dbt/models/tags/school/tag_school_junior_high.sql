-- Is in the school grades of 中学生 by the Japanese age law, this school year (from 1 April);
-- unknown without a birth date.
{{ patients_of_school_grade("junior_high_school") }}
