-- One row per patient and message that was ever planned, by the chart number of today: what was
-- sent for a chart that was merged was sent for the one it was merged into.
select distinct
    deliveries.occurrence_id,
    deliveries.campaign,
    deliveries.step,
    deliveries.line_user_id,
    coalesce(merges.into_patient_id, deliveries.patient_id) as patient_id,
    deliveries.variant,
    deliveries.state,
    deliveries.as_of,
    deliveries.accepted_at,
    deliveries.batch_id
from {{ source("ledger", "deliveries") }} as deliveries
left join {{ ref("stg_patient_merges") }} as merges on merges.patient_id = deliveries.patient_id
