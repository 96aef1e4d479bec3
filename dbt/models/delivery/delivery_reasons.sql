-- One row per campaign and candidate: the first reason of their own why nothing is sent, in the
-- order of decision_reasons, or send. What others take from them, places and quota, comes after it.
with
    held as ({{ held_campaigns() }}),
    -- What a person said not to send. It is decided here too, not by the gate alone, or a child
    -- would keep the siblings' message back night after night.
    vetoes as ({{ vetoes_of_today() }}),
    calendar as (
        select
            max(case when day = {{ as_of() }} then 1 else 0 end) = 1 as is_open,
            min(case when day > {{ as_of() }} then day end) as opens_next_on
        from {{ source("clinic", "open_days") }}
    ),
    members as (
        select campaign, count(*) as members
        from {{ ref("candidate_messages") }}
        inner join {{ ref("patients_today") }} using (patient_id)
        where standing = 'member'
        group by campaign
    ),
    judged as (
        select
            messages.campaign,
            messages.step,
            messages.patient_id,
            patients.next_appointment_on,
            patients.last_visit_on,
            history.last_sent_on,
            messages.due_on,
            messages.ended_on,
            calendar.opens_next_on,
            history.is_sent_today,
            case
                -- Whether they belong at all comes first: all the rest counts members only.
                when messages.standing = 'unknown'
                then 'unknown'
                when suppressed.subject is not null
                then 'suppressed'
                when patients.is_deceased
                then 'deceased'
                when patients.care_status = 'moved'
                then 'moved'
                when patients.care_status = 'referred'
                then 'referred'
                when patients.is_test
                then 'test'
                when messages.line_user_id is null
                then 'no_link'
                when not messages.is_following
                then 'blocked'
                when not messages.has_consent
                then 'no_consent'
                when held.campaign is not null
                then 'held_by_check'
                when messages.is_scenario_over
                then 'scenario_over'
                when patients.next_appointment_on is not null
                then 'booked'
                when
                    messages.standing = 'came'
                    or {{ add_days("patients.last_visit_on", "campaigns.visited_within_days") }}
                    > {{ as_of() }}
                then 'visited_recently'
                when
                    {{ add_days("history.last_sent_on", "campaigns.cooldown_days") }}
                    > {{ as_of() }}
                    -- What left today is settled: the same night, run again, decides the same.
                    or ((history.has_heard or history.is_told_today) and not history.is_sent_today)
                then 'already_this_cycle'
                when history.was_refused
                then 'refused_by_line'
                when campaigns.is_dropped_if_missed and history.has_missed
                then 'window_missed'
                when messages.due_on > {{ as_of() }}
                then 'not_due'
                when members.members < campaigns.min_members
                then 'segment_too_small'
                when campaigns.not_after < {{ as_of() }}
                then 'expired'
                -- The same people of a purpose every time: nobody's turn comes by waiting. Of
                -- charts that were merged the hash of the one that stays counts.
                when
                    {{
                        sticky_number(
                            "profile.clinic_id", "messages.purpose", "messages.patient_id"
                        )
                    }} < campaigns.holdout_below
                then 'holdout'
                when history.messages_this_month >= policy.max_messages_a_month
                then 'cap'
                when not calendar.is_open
                then 'quiet_or_closed'
                when vetoed.subject is not null
                then 'vetoed'
                else 'send'
            end as reason
        from {{ ref("candidate_messages") }} as messages
        inner join
            {{ ref("contact_history") }} as history
            on history.campaign = messages.campaign
            and history.patient_id = messages.patient_id
        inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = messages.campaign
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = messages.patient_id
        cross join calendar
        cross join {{ source("clinic", "profile") }} as profile
        cross join {{ source("clinic", "contact_policy") }} as policy
        left join members on members.campaign = messages.campaign
        left join held on held.campaign = messages.campaign
        left join
            vetoes as suppressed
            on suppressed.scope = 'patient'
            and suppressed.subject = messages.patient_id
        left join
            vetoes as vetoed on vetoed.scope = 'campaign' and vetoed.subject = messages.campaign
    )
select
    campaign,
    step,
    patient_id,
    reason,
    -- What this account was sent today is settled, whatever is more urgent by now.
    reason = 'send' and not is_sent_today as is_new,
    -- The day behind the reason, for a person who asks.
    case
        reason
        when 'booked'
        then next_appointment_on
        when 'visited_recently'
        then last_visit_on
        when 'already_this_cycle'
        then last_sent_on
        when 'not_due'
        then due_on
        when 'scenario_over'
        then ended_on
        when 'cap'
        then {{ add_months(month_start(as_of()), 1) }}
        when 'quiet_or_closed'
        then opens_next_on
    end as because_on
from judged
