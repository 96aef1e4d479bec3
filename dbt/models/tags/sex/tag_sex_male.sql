-- Is recorded as male; unknown when the clinic has not recorded a sex.
select
    patient_id,
    case when sex = 'male' then 'has' else 'unknown' end as state,
    cast(null as date) as since,
    'sex ' || sex || {{ evidence_pointer("stg_patients", "file_id", "line_no") }} as evidence
from {{ ref("patients_today") }}
where sex in ('male', 'unknown')
