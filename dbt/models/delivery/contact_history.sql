-- One row per campaign and candidate: what they have been sent of it before, and how many messages
-- their account has had.
with
    delivered as (
        select occurrence_id, campaign, step, line_user_id, patient_id, as_of
        from {{ ref("stg_deliveries") }}
        where state in ('batched', 'accepted', 'unknown')
    ),
    -- What left today is left out of the pauses: the same night, run again, decides the same. But
    -- a campaign reaches a patient once a day: on no second account, in no second wording.
    by_patient as (
        select
            campaign,
            step,
            patient_id,
            max(case when as_of < {{ as_of() }} then as_of end) as last_sent_on,
            max(case when as_of = {{ as_of() }} then 1 else 0 end) = 1 as is_told_today
        from delivered
        group by campaign, step, patient_id
    ),
    sent_today as (
        select distinct occurrence_id, line_user_id, patient_id
        from delivered
        where as_of = {{ as_of() }}
    ),
    -- An account hears of an occurrence once; what it heard was for these patients only.
    by_account as (
        select
            occurrence_id,
            line_user_id,
            max(case when state in ('batched', 'accepted', 'unknown') then 1 else 0 end)
            = 1 as has_heard,
            -- LINE refused it for good: it is never planned again, so it is not decided to be sent.
            max(case when state = 'rejected' then 1 else 0 end) = 1 as was_refused,
            -- Planned on an earlier day, and its window went by: closed by now, or about to be.
            max(
                case
                    when state in ('planned', 'expired') and as_of < {{ as_of() }} then 1 else 0
                end
            )
            = 1 as has_missed
        from {{ ref("stg_deliveries") }}
        group by occurrence_id, line_user_id
    ),
    had as (
        select
            line_user_id,
            count(distinct case when as_of = {{ as_of() }} then occurrence_id end) as today,
            count(distinct case when as_of < {{ as_of() }} then occurrence_id end) as this_month
        from delivered
        where as_of between {{ month_start(as_of()) }} and {{ as_of() }}
        group by line_user_id
    )
select
    messages.campaign,
    messages.step,
    messages.patient_id,
    by_patient.last_sent_on,
    coalesce(by_patient.is_told_today, false) as is_told_today,
    sent_today.patient_id is not null as is_sent_today,
    coalesce(by_account.has_heard, false) as has_heard,
    coalesce(by_account.was_refused, false) as was_refused,
    coalesce(by_account.has_missed, false) as has_missed,
    coalesce(had.today, 0) as messages_today,
    coalesce(had.this_month, 0) as messages_this_month
from {{ ref("candidate_messages") }} as messages
left join
    by_patient
    on by_patient.campaign = messages.campaign
    and by_patient.step = messages.step
    and by_patient.patient_id = messages.patient_id
left join
    sent_today
    on sent_today.occurrence_id = messages.occurrence_id
    and sent_today.line_user_id = messages.line_user_id
    and sent_today.patient_id = messages.patient_id
left join
    by_account
    on by_account.occurrence_id = messages.occurrence_id
    and by_account.line_user_id = messages.line_user_id
left join had on had.line_user_id = messages.line_user_id
