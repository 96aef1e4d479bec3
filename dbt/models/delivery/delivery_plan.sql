-- One row per message to be sent: a LINE account hears of an occurrence once, for however many
-- patients.
select
    occurrence_id,
    campaign,
    step,
    line_user_id,
    string_agg(patient_id, ',' order by patient_id) as patient_ids,
    cast(count(*) as integer) as patients,
    priority,
    purpose,
    content_version
from {{ ref("delivery_decisions") }}
where outcome = 'send'
group by occurrence_id, campaign, step, line_user_id, priority, purpose, content_version
