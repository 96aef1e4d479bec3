-- Last came six calendar months ago or longer; unknown for a patient with no visit on record.
with
    patients as (
        select
            patient_id,
            last_visit_on,
            {{ add_months("last_visit_on", 6) }} as lapsed_on,
            last_visit_file_id,
            last_visit_line_no,
            file_id,
            line_no
        from {{ ref("patients_today") }}
    )
select
    patient_id,
    case when last_visit_on is null then 'unknown' else 'has' end as state,
    lapsed_on as since,
    coalesce('last visit on ' || cast(last_visit_on as varchar), 'no visit on record') || case
        when last_visit_on is null
        then {{ evidence_pointer("stg_patients", "file_id", "line_no") }}
        else {{ evidence_pointer("stg_visits", "last_visit_file_id", "last_visit_line_no") }}
    end as evidence
from patients
where lapsed_on <= {{ as_of() }} or last_visit_on is null
