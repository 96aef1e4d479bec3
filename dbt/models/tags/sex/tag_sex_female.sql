-- Is recorded as female; unknown when the clinic has not recorded a sex.
select
    patient_id,
    case when sex = 'female' then 'has' else 'unknown' end as state,
    cast(null as date) as since,
    'sex ' || sex || {{ evidence_pointer("stg_patients", "file_id", "line_no") }} as evidence
from {{ ref("patients_today") }}
where sex in ('female', 'unknown')
