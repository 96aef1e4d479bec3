-- Children with a routine dose open today or opening within a month, by the dated schedule.
with
    next_dose as (
        select
            patient_id,
            vaccine,
            dose_no,
            due_from,
            last_day,
            file_id,
            line_no,
            row_number() over (
                partition by patient_id order by due_from, vaccine, dose_no
            ) as choice
        from {{ ref("vaccine_due") }}
        where due_from <= {{ add_months(as_of(), 1) }}
    )
select
    patient_id,
    due_from as since,
    due_from as due_on,
    'dose open from '
    || cast(due_from as varchar)
    || ' to '
    || cast(last_day as varchar)
    || {{ evidence_pointer("stg_patients", "file_id", "line_no") }} as evidence
from next_dose
where choice = 1
