-- One row per campaign and candidate: send, or the first reason why not, in the order of
-- decision_reasons.
with
    members as (
        select
            campaigns.campaign,
            campaigns.step,
            profile.clinic_id
            || '/'
            || campaigns.campaign
            || '/'
            || cast(campaigns.step as varchar)
            || '/'
            || coalesce(content.content_version, 'none')
            || '/'
            || {{ period_of("campaigns.cycle") }} as occurrence_id,
            coalesce(content.content_version, 'none') as content_version,
            campaigns.purpose,
            campaigns.priority,
            campaigns.cooldown_days,
            campaigns.visited_within_days,
            campaigns.is_dropped_if_missed,
            campaigns.not_after < {{ as_of() }} as is_expired,
            count(case when members.standing = 'member' then 1 end) over (
                partition by campaigns.campaign
            )
            < campaigns.min_members as is_too_small,
            -- The same people of a purpose every time: nobody's turn comes by waiting.
            substr(
                md5(profile.clinic_id || '/' || campaigns.purpose || '/' || members.patient_id),
                1,
                8
            )
            < campaigns.holdout_below as is_held_out,
            members.patient_id,
            members.standing,
            members.since,
            members.due_on,
            members.deadline_on,
            coalesce(
                members.deadline_on <= {{ add_days(as_of(), "campaigns.urgent_days") }}, false
            ) as is_urgent,
            members.evidence,
            patients.is_deceased,
            patients.is_test,
            patients.care_status,
            patients.last_visit_on,
            patients.next_appointment_on
        from {{ ref("candidates") }} as members
        inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = members.campaign
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = members.patient_id
        cross join {{ source("clinic", "profile") }} as profile
        left join
            {{ source("clinic", "campaign_content") }} as content
            on content.campaign = campaigns.campaign
    ),
    held as (
        select distinct campaigns.campaign
        from {{ ref("campaigns") }} as campaigns
        inner join
            {{ source("checks", "verdicts") }} as verdicts
            on not verdicts.is_passed
            and verdicts.severity = 'blocking'
            and (
                (verdicts.scope = 'campaign' and verdicts.subject = campaigns.campaign)
                or (verdicts.scope = 'tag' and campaigns.tags like '%,' || verdicts.subject || ',%')
            )
        -- A person may answer for how many they are tonight, and for nothing else.
        left join
            {{ source("checks", "verdicts") }} as approvals
            on approvals.severity = 'approval'
            and approvals.scope = 'campaign'
            and approvals.subject = campaigns.campaign
            and verdicts.may_be_approved
        where approvals.subject is null
    ),
    delivered as (
        select occurrence_id, campaign, step, line_user_id, patient_id, as_of
        from {{ source("ledger", "deliveries") }}
        where state in ('batched', 'accepted', 'unknown')
    ),
    -- LINE refused it for good: it is never planned again, so it is not decided to be sent.
    refused as (
        select distinct occurrence_id, line_user_id
        from {{ source("ledger", "deliveries") }}
        where state = 'rejected'
    ),
    -- Planned on an earlier day, and its window went by: closed by now, or about to be.
    missed as (
        select distinct occurrence_id, line_user_id
        from {{ source("ledger", "deliveries") }}
        where state in ('planned', 'expired') and as_of < {{ as_of() }}
    ),
    -- What left today is left out of the pauses: the same night, run again, decides the same.
    sent as (
        select campaign, step, patient_id, max(as_of) as last_sent_on
        from delivered
        where as_of < {{ as_of() }}
        group by campaign, step, patient_id
    ),
    sent_today as (
        select distinct occurrence_id, line_user_id, patient_id
        from delivered
        where as_of = {{ as_of() }}
    ),
    -- A campaign reaches a patient once a day: on no second account, in no second wording.
    told_today as (
        select distinct campaign, step, patient_id from delivered where as_of = {{ as_of() }}
    ),
    -- What a person said not to send. It is decided here too, not by the gate alone, or a child
    -- would keep the siblings' message back night after night.
    vetoes as (select distinct scope, subject from {{ source("ledger", "vetoes") }}),
    -- How many messages an account has had: today, and earlier this month.
    had as (
        select
            line_user_id,
            count(distinct case when as_of = {{ as_of() }} then occurrence_id end) as today,
            count(distinct case when as_of < {{ as_of() }} then occurrence_id end) as this_month
        from delivered
        where as_of between {{ month_start(as_of()) }} and {{ as_of() }}
        group by line_user_id
    ),
    calendar as (
        select
            max(case when day = {{ as_of() }} then 1 else 0 end) = 1 as is_open,
            min(case when day > {{ as_of() }} then day end) as opens_next_on
        from {{ source("clinic", "open_days") }}
    ),
    -- An account hears of an occurrence once; what it heard was for these patients only.
    heard as (select distinct occurrence_id, line_user_id from delivered),
    judged as (
        select
            members.campaign,
            members.step,
            members.purpose,
            members.priority,
            members.occurrence_id,
            members.content_version,
            members.patient_id,
            members.standing,
            members.since,
            members.due_on,
            members.deadline_on,
            members.is_urgent,
            members.evidence,
            members.next_appointment_on,
            members.last_visit_on,
            sent.last_sent_on,
            accounts.line_user_id,
            -- What this account was sent today is settled, whatever is more urgent by now.
            sent_today.patient_id is not null as is_sent,
            coalesce(had.today, 0) as messages_today,
            least(
                policy.max_messages_a_day, policy.max_messages_a_month - coalesce(had.this_month, 0)
            ) as places_today,
            calendar.opens_next_on,
            case
                -- Whether they belong at all comes first: all the rest counts members only.
                when members.standing = 'unknown'
                then 'unknown'
                when members.is_deceased
                then 'deceased'
                when members.care_status = 'moved'
                then 'moved'
                when members.care_status = 'referred'
                then 'referred'
                when members.is_test
                then 'test'
                when accounts.line_user_id is null
                then 'no_link'
                when not accounts.is_following
                then 'blocked'
                when not accounts.has_consent
                then 'no_consent'
                when held.campaign is not null
                then 'held_by_check'
                when members.next_appointment_on is not null
                then 'booked'
                when
                    members.standing = 'came'
                    or {{ add_days("members.last_visit_on", "members.visited_within_days") }}
                    > {{ as_of() }}
                then 'visited_recently'
                when {{ add_days("sent.last_sent_on", "members.cooldown_days") }} > {{ as_of() }}
                then 'already_this_cycle'
                when heard.occurrence_id is not null and sent_today.patient_id is null
                then 'already_this_cycle'
                when told_today.patient_id is not null and sent_today.patient_id is null
                then 'already_this_cycle'
                when refused.occurrence_id is not null
                then 'refused_by_line'
                when members.is_dropped_if_missed and missed.occurrence_id is not null
                then 'window_missed'
                when members.due_on > {{ as_of() }}
                then 'not_due'
                when members.is_too_small
                then 'segment_too_small'
                when members.is_expired
                then 'expired'
                when members.is_held_out
                then 'holdout'
                when had.this_month >= policy.max_messages_a_month
                then 'cap'
                when not calendar.is_open
                then 'quiet_or_closed'
                when patients_vetoed.subject is not null or campaigns_vetoed.subject is not null
                then 'vetoed'
                else 'send'
            end as own_reason
        from members
        cross join calendar
        cross join {{ source("clinic", "contact_policy") }} as policy
        left join
            {{ ref("addressees") }} as accounts
            on accounts.patient_id = members.patient_id
            and accounts.purpose = members.purpose
        left join
            vetoes as patients_vetoed
            on patients_vetoed.scope = 'patient'
            and patients_vetoed.subject = members.patient_id
        left join
            vetoes as campaigns_vetoed
            on campaigns_vetoed.scope = 'campaign'
            and campaigns_vetoed.subject = members.campaign
        left join
            told_today
            on told_today.campaign = members.campaign
            and told_today.step = members.step
            and told_today.patient_id = members.patient_id
        left join held on held.campaign = members.campaign
        left join had on had.line_user_id = accounts.line_user_id
        left join
            sent
            on sent.campaign = members.campaign
            and sent.step = members.step
            and sent.patient_id = members.patient_id
        left join
            heard
            on heard.occurrence_id = members.occurrence_id
            and heard.line_user_id = accounts.line_user_id
        left join
            refused
            on refused.occurrence_id = members.occurrence_id
            and refused.line_user_id = accounts.line_user_id
        left join
            missed
            on missed.occurrence_id = members.occurrence_id
            and missed.line_user_id = accounts.line_user_id
        left join
            sent_today
            on sent_today.occurrence_id = members.occurrence_id
            and sent_today.line_user_id = accounts.line_user_id
            and sent_today.patient_id = members.patient_id
    ),
    -- Who competes for the places an account has left today; the smaller priority goes first.
    placed as (
        select
            *,
            messages_today + dense_rank() over (
                partition by line_user_id, own_reason = 'send' and not is_sent
                -- Of two campaigns of one priority one goes first: a place is for one message.
                order by priority, campaign, step
            ) as place
        from judged
    ),
    decided as (
        select
            *,
            case
                when own_reason = 'send' and not is_sent and place > places_today
                then 'other_message_today'
                else own_reason
            end as reason
        from placed
    )
select
    decided.campaign,
    decided.step,
    decided.patient_id,
    decided.standing,
    decided.line_user_id,
    decided.occurrence_id,
    case when decided.reason = 'send' then 'send' else 'skip' end as outcome,
    decided.reason,
    decided.purpose,
    decided.priority,
    decided.content_version,
    decided.since,
    decided.due_on,
    decided.deadline_on,
    decided.is_urgent,
    decided.evidence,
    -- The day behind the reason, for a person who asks.
    case
        decided.reason
        when 'booked'
        then decided.next_appointment_on
        when 'visited_recently'
        then decided.last_visit_on
        when 'already_this_cycle'
        then decided.last_sent_on
        when 'not_due'
        then decided.due_on
        when 'cap'
        then {{ add_months(month_start(as_of()), 1) }}
        when 'quiet_or_closed'
        then decided.opens_next_on
    end as because_on
from decided
