-- One row per message to be sent: a LINE account hears of an occurrence once, for however many
-- patients.
select
    occurrence_id,
    campaign,
    step,
    line_user_id,
    string_agg(patient_id, ',' order by patient_id) as patient_ids,
    cast(count(*) as integer) as patients,
    -- Which text of the campaign's folder fits what this account is written to for.
    case
        when step > 1
        then cast(step as varchar)
        when count(*) > 1 and max(case when is_urgent then 1 else 0 end) = 1
        then 'several_urgent'
        when count(*) > 1
        then 'several'
        when max(case when is_urgent then 1 else 0 end) = 1
        then 'urgent'
        else 'plain'
    end as wording,
    variant,
    priority,
    purpose,
    content_version,
    -- In which order they share what is left of the month: the gate asks again before it sends.
    min(quota_turn) as quota_turn,
    min(quota_place) as quota_place,
    max(case when goes_in_parts then 1 else 0 end) = 1 as goes_in_parts
from {{ ref("delivery_decisions") }}
where outcome = 'send'
group by occurrence_id, campaign, step, line_user_id, variant, priority, purpose, content_version
