-- One row per campaign and candidate: send, or the first reason why not, in the order of
-- decision_reasons.
with
    members as (
        select
            campaigns.campaign,
            {{ step_of("positions", "campaigns") }} as step,
            profile.clinic_id
            || '/'
            || campaigns.campaign
            || '/'
            || cast({{ step_of("positions", "campaigns") }} as varchar)
            || '/'
            -- Of text a, also for who is told b: one occurrence, whatever the shares become.
            || coalesce(content.content_version, 'none')
            || '/'
            -- Each entry into a scenario is told anew.
            || coalesce(
                cast(positions.entered_on as varchar), {{ period_of("campaigns.cycle") }}
            ) as occurrence_id,
            campaigns.purpose,
            campaigns.priority,
            campaigns.cooldown_days,
            campaigns.visited_within_days,
            campaigns.may_go_in_parts,
            campaigns.is_dropped_if_missed,
            campaigns.not_after < {{ as_of() }} as is_expired,
            count(case when members.standing = 'member' then 1 end) over (
                partition by campaigns.campaign
            )
            < campaigns.min_members as is_too_small,
            -- Of charts that were merged the number of the one that stays counts.
            {{ holdout_number("profile.clinic_id", "campaigns.purpose", "members.patient_id") }}
            < campaigns.holdout_below as is_held_out,
            members.patient_id,
            members.standing,
            members.since,
            coalesce(positions.next_due_on, members.due_on) as due_on,
            positions.state <> 'active'
            or positions.state = 'active'
            and positions.next_step is null as is_scenario_over,
            positions.ended_on,
            members.deadline_on,
            coalesce(
                members.deadline_on <= {{ add_days(as_of(), "campaigns.urgent_days") }}, false
            ) as is_urgent,
            -- Put off until the next month it would come when time is short, or too late.
            coalesce(
                members.deadline_on
                <= {{
                    add_days(
                        add_months(month_start(as_of()), 1), "coalesce(campaigns.urgent_days, 0)"
                    )
                }},
                false
            ) as has_deadline,
            -- What a message is worth sending tonight, the more the sooner. Campaigns compete by
            -- it, so it has one unit for all of them: days since it became due, or true, and of
            -- those a year's at the most, or who was never screened would have waited a lifetime.
            least(
                coalesce({{ as_of() }} - coalesce(members.due_on, members.since), 0),
                {{ as_of() }} - {{ add_months(as_of(), -12) }}
            ) as score,
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
            {{ ref("scenario_positions") }} as positions
            on positions.campaign = members.campaign
            and positions.patient_id = members.patient_id
        left join
            {{ source("clinic", "campaign_content") }} as content
            on content.campaign = campaigns.campaign
            and content.variant = 'a'
    ),
    -- An account is told the same variant of a campaign every time and over all steps, so that a
    -- family reads one wording; a new share moves only those between the old bound and the new.
    accounts as (
        select
            campaigns.campaign,
            addressees.patient_id,
            addressees.line_user_id,
            addressees.is_following,
            addressees.has_consent,
            case
                when
                    substr(
                        md5(
                            profile.clinic_id
                            || '/'
                            || campaigns.campaign
                            || '/'
                            || addressees.line_user_id
                        ),
                        1,
                        8
                    )
                    >= campaigns.b_from
                then 'b'
                else 'a'
            end as variant
        from {{ ref("addressees") }} as addressees
        inner join {{ ref("campaigns") }} as campaigns on campaigns.purpose = addressees.purpose
        cross join {{ source("clinic", "profile") }} as profile
    ),
    held as ({{ held_campaigns() }}),
    delivered as (
        select occurrence_id, campaign, step, line_user_id, patient_id, as_of
        from {{ ref("stg_deliveries") }}
        where state in ('batched', 'accepted', 'unknown')
    ),
    -- LINE refused it for good: it is never planned again, so it is not decided to be sent.
    refused as (
        select distinct occurrence_id, line_user_id
        from {{ ref("stg_deliveries") }}
        where state = 'rejected'
    ),
    -- Planned on an earlier day, and its window went by: closed by now, or about to be.
    missed as (
        select distinct occurrence_id, line_user_id
        from {{ ref("stg_deliveries") }}
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
    vetoes as ({{ vetoes_of_today() }}),
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
            coalesce(told.content_version, 'none') as content_version,
            members.patient_id,
            members.standing,
            members.since,
            members.due_on,
            members.deadline_on,
            members.is_urgent,
            members.has_deadline,
            members.score,
            members.may_go_in_parts,
            members.evidence,
            members.next_appointment_on,
            members.last_visit_on,
            members.ended_on,
            sent.last_sent_on,
            accounts.line_user_id,
            accounts.variant,
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
                when members.is_scenario_over
                then 'scenario_over'
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
            accounts
            on accounts.patient_id = members.patient_id
            and accounts.campaign = members.campaign
        left join
            {{ source("clinic", "campaign_content") }} as told
            on told.campaign = members.campaign
            and told.variant = coalesce(accounts.variant, 'a')
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
    wanted as (
        select
            *,
            case
                when own_reason = 'send' and not is_sent and place > places_today
                then 'other_message_today'
                else own_reason
            end as wanted_reason
        from placed
    ),
    -- Tonight's new messages, each once. What is left of the month is given out turn by turn: first
    -- to all whose last day does not wait, then campaign by campaign. Those of one priority that
    -- may go in parts are one turn, after those of it that may not: the best score goes first.
    messages as (
        select
            occurrence_id,
            line_user_id,
            campaign,
            step,
            priority,
            max(case when has_deadline then 1 else 0 end) = 1 as has_deadline,
            min(case when has_deadline then deadline_on end) as deadline_on,
            max(score) as score,
            max(case when may_go_in_parts then 1 else 0 end) = 1 as may_go_in_parts
        from wanted
        where wanted_reason = 'send' and not is_sent
        group by occurrence_id, line_user_id, campaign, step, priority
    ),
    in_turn as (
        select
            *,
            dense_rank() over (
                order by
                    case when has_deadline then 0 else 1 end,
                    case when has_deadline then 0 else priority end,
                    case when may_go_in_parts and not has_deadline then 1 else 0 end,
                    case when has_deadline or may_go_in_parts then '' else campaign end,
                    case when has_deadline or may_go_in_parts then 0 else step end
            ) as turn
        from messages
    ),
    queue as (
        select
            occurrence_id,
            line_user_id,
            turn,
            row_number() over (
                partition by turn
                order by
                    deadline_on,
                    priority,
                    score desc,
                    md5(occurrence_id || '/' || line_user_id),
                    occurrence_id,
                    line_user_id
            ) as place,
            -- Of those whose last day is near, some are better than none.
            has_deadline or may_go_in_parts as may_go_in_parts
        from in_turn
    ),
    turns as (
        select turn, may_go_in_parts, cast(count(*) as integer) as messages
        from queue
        group by turn, may_go_in_parts
    ),
    granted as (
        with recursive
            given as (
                select cast(0 as bigint) as turn, 0 as messages, messages_left
                from {{ source("clinic", "contact_policy") }}
                union all
                select turn, messages, messages_left - messages as messages_left
                from
                    (
                        select
                            turns.turn,
                            given.messages_left,
                            case
                                when coalesce(turns.messages <= given.messages_left, true)
                                then turns.messages
                                when turns.may_go_in_parts
                                then greatest(given.messages_left, 0)
                                else 0
                            end as messages
                        from given
                        inner join turns on turns.turn = given.turn + 1
                    ) as next_turn
            )
        select turn, messages
        from given
    ),
    decided as (
        select
            wanted.*,
            queue.turn as quota_turn,
            queue.place as quota_place,
            queue.may_go_in_parts as goes_in_parts,
            case
                when queue.place > granted.messages then 'deferred_by_quota' else wanted_reason
            end as reason
        from wanted
        left join
            queue
            on queue.occurrence_id = wanted.occurrence_id
            and queue.line_user_id = wanted.line_user_id
            and wanted.wanted_reason = 'send'
            and not wanted.is_sent
        left join granted on granted.turn = queue.turn
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
    decided.variant,
    decided.content_version,
    decided.since,
    decided.due_on,
    decided.deadline_on,
    decided.is_urgent,
    decided.score,
    decided.quota_turn,
    decided.quota_place,
    decided.goes_in_parts,
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
        when 'scenario_over'
        then decided.ended_on
        when 'cap'
        then {{ add_months(month_start(as_of()), 1) }}
        when 'deferred_by_quota'
        then {{ add_months(month_start(as_of()), 1) }}
        when 'quiet_or_closed'
        then decided.opens_next_on
    end as because_on
from decided
