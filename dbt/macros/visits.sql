{#
  First came within so many days. Unknown for a patient with no visit on record, and for everybody
  where the clinic's own record of visits does not reach back twelve months: they may have come before.
#}
{% macro patients_new_within(days) %}
    with record as (select min(first_visit_on) as begins_on from {{ ref("patients_today") }})
    select
        patients.patient_id,
        case
            when
                patients.first_visit_on is null
                or {{ add_months("record.begins_on", 12) }} > {{ as_of() }}
            then 'unknown'
            else 'has'
        end as state,
        patients.first_visit_on as since,
        {{
            evidence(
                "case when patients.first_visit_on is null then 'stg_patients' else 'stg_visits' end",
                "coalesce('first visit on record on ' || cast(patients.first_visit_on as varchar)"
                ~ ", 'no visit on record')",
                observed_on="patients.first_visit_on",
                threshold="'within ' || " ~ days ~ " || ' days'",
                file_id="coalesce(patients.first_visit_file_id, patients.file_id)",
                line_no="coalesce(patients.first_visit_line_no, patients.line_no)",
            )
        }}
    from {{ ref("patients_today") }} as patients
    cross join record
    where
        patients.first_visit_on is null
        or {{ add_days("patients.first_visit_on", days) }} >= {{ as_of() }}
{% endmacro %}
