-- Is 0〜5歳 today by the Japanese age law; unknown without a birth date.
select
    patient_id,
    case when age_band is null then 'unknown' else 'has' end as state,
    age_band_since as since,
    coalesce('age ' || cast(age_years as varchar), 'no birth date')
    || {{ evidence_pointer("stg_patients", "file_id", "line_no") }} as evidence
from {{ ref("patients_today") }}
where age_band = '0_5' or age_band is null
