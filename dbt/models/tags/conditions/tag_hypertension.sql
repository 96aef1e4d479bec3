-- Has 高血圧 confirmed within twelve months; suspicion alone never counts. Unknown at a clinic
-- without diagnoses.
with
    confirmed as (
        select patient_id, since, claim_months, has_treatment, file_id, line_no
        from {{ ref("condition_status") }}
        where condition = 'hypertension' and status = 'confirmed'
    )
select
    patients.patient_id,
    case when confirmed.patient_id is null then 'unknown' else 'has' end as state,
    confirmed.since,
    case
        when confirmed.patient_id is null
        then
            'no diagnoses are exported'
            || {{ evidence_pointer("stg_patients", "patients.file_id", "patients.line_no") }}
        else
            'diagnosed in '
            || cast(confirmed.claim_months as varchar)
            || ' claim months'
            || case when confirmed.has_treatment then ', management fee or drug' else '' end
            || {{ evidence_pointer("stg_conditions", "confirmed.file_id", "confirmed.line_no") }}
    end as evidence
from {{ ref("patients_today") }} as patients
cross join {{ source("clinic", "profile") }} as profile
left join confirmed on confirmed.patient_id = patients.patient_id
where confirmed.patient_id is not null or not profile.has_conditions_feed
