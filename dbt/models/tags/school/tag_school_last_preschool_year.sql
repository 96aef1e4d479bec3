-- Is in the school grades of 年長 by the Japanese age law, this school year (from 1 April); unknown
-- without a birth date.
{{ patients_of_school_grade("last_preschool_year") }}
