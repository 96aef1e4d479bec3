-- One row per account, campaign and step that would write to it anew: whether it has a place among
-- the messages the account may still have today. The smaller priority goes first.
with
    wanted as (
        select distinct
            messages.line_user_id,
            messages.campaign,
            messages.step,
            messages.priority,
            history.messages_today,
            least(
                policy.max_messages_a_day, policy.max_messages_a_month - history.messages_this_month
            ) as places_today
        from {{ ref("candidate_messages") }} as messages
        inner join
            {{ ref("delivery_reasons") }} as reasons
            on reasons.campaign = messages.campaign
            and reasons.patient_id = messages.patient_id
        inner join
            {{ ref("contact_history") }} as history
            on history.campaign = messages.campaign
            and history.patient_id = messages.patient_id
        cross join {{ source("clinic", "contact_policy") }} as policy
        where reasons.is_new
    )
select
    line_user_id,
    campaign,
    step,
    -- Of two campaigns of one priority one goes first: a place is for one message.
    messages_today + row_number() over (partition by line_user_id order by priority, campaign, step)
    <= places_today as has_place
from wanted
