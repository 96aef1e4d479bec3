{# One grade of seed school_grades: who is in it this school year; unknown without a birth date. #}
{% macro patients_of_school_grade(grade) %}
    select
        patients.patient_id,
        case when patients.school_age is null then 'unknown' else 'has' end as state,
        greatest(
            {{
                add_months(
                    fiscal_year_start(as_of()), "12 * (grades.min_age - patients.school_age)"
                )
            }},
            patients.birth_date
        ) as since,
        {{
            evidence(
                "'stg_patients'",
                "coalesce('turns ' || cast(patients.school_age as varchar)"
                ~ " || ' in this school year', 'no birth date')",
                file_id="patients.file_id",
                line_no="patients.line_no",
            )
        }}
    from {{ ref("patients_today") }} as patients
    inner join
        {{ ref("school_grades") }} as grades
        on grades.school_grade = '{{ grade }}'
        and {{ in_force("grades") }}
    where
        patients.school_age between grades.min_age and grades.max_age or patients.school_age is null
{% endmacro %}
