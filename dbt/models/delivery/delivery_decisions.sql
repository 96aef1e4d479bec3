-- One row per campaign and candidate: send, or the first reason why not, in the order of
-- decision_reasons.
with
    decided as (
        select
            messages.*,
            reasons.because_on as own_because_on,
            shares.turn as quota_turn,
            shares.place as quota_place,
            shares.goes_in_parts,
            case
                when reasons.is_new and not places.has_place
                then 'other_message_today'
                when reasons.is_new and not shares.is_granted
                then 'deferred_by_quota'
                else reasons.reason
            end as reason
        from {{ ref("candidate_messages") }} as messages
        inner join
            {{ ref("delivery_reasons") }} as reasons
            on reasons.campaign = messages.campaign
            and reasons.patient_id = messages.patient_id
        left join
            {{ ref("account_places") }} as places
            on reasons.is_new
            and places.line_user_id = messages.line_user_id
            and places.campaign = messages.campaign
            and places.step = messages.step
        left join
            {{ ref("quota_shares") }} as shares
            on reasons.is_new
            and shares.occurrence_id = messages.occurrence_id
            and shares.line_user_id = messages.line_user_id
    )
select
    campaign,
    step,
    patient_id,
    standing,
    line_user_id,
    occurrence_id,
    case when reason = 'send' then 'send' else 'skip' end as outcome,
    reason,
    purpose,
    priority,
    variant,
    content_version,
    since,
    due_on,
    deadline_on,
    is_urgent,
    score,
    quota_turn,
    quota_place,
    goes_in_parts,
    evidence,
    case
        reason
        when 'deferred_by_quota'
        then {{ add_months(month_start(as_of()), 1) }}
        else own_because_on
    end as because_on
from decided
