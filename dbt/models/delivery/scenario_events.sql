-- One row per change of a patient's place in a scenario, by business day: entered, passed over a
-- step, left the segment, came back to it, and how each entry ended.
with
    earlier as (
        -- The same business day built again replaces itself.
        select
            events.campaign,
            coalesce(merges.into_patient_id, events.patient_id) as patient_id,
            events.on_day,
            events.event,
            max(events.step) as step,
            max(events.visited_on) as visited_on,
            max(case when events.is_late then 1 else 0 end) = 1 as is_late
        from {{ source("previous", "scenario_events") }} as events
        left join {{ ref("stg_patient_merges") }} as merges on merges.patient_id = events.patient_id
        where events.on_day < {{ as_of() }}
        group by
            events.campaign,
            coalesce(merges.into_patient_id, events.patient_id),
            events.on_day,
            events.event
    ),
    held as ({{ held_campaigns() }}),
    -- What is in doubt tonight moves nobody: a tag lost by mistake would end every entry.
    scenarios as (
        select
            campaigns.campaign,
            campaigns.purpose,
            campaigns.reentry,
            campaigns.reentry_gap_days,
            campaigns.lapse_days,
            max(steps.step) as last_step,
            max(steps.after_days) + campaigns.lapse_days as lapses_after_days
        from {{ ref("campaigns") }} as campaigns
        inner join {{ ref("campaign_steps") }} as steps on steps.campaign = campaigns.campaign
        left join held on held.campaign = campaigns.campaign
        where held.campaign is null
        group by
            campaigns.campaign,
            campaigns.purpose,
            campaigns.reentry,
            campaigns.reentry_gap_days,
            campaigns.lapse_days
    ),
    people as (
        select
            candidates.campaign,
            candidates.patient_id,
            candidates.standing = 'member' as is_member,
            patients.last_visit_on
        from {{ ref("candidates") }} as candidates
        inner join scenarios on scenarios.campaign = candidates.campaign
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = candidates.patient_id
        where
            -- Of whom it cannot be told tonight: no member, and no entry ends for it.
            candidates.standing = 'unknown'
            or (
                candidates.standing = 'member'
                and coalesce(candidates.due_on, {{ as_of() }}) <= {{ as_of() }}
            )
    ),
    histories as (
        select
            campaign,
            patient_id,
            max(case when event = 'entered' then on_day end) as entered_on,
            max(case when {{ ends_an_entry("event") }} then on_day end) as ended_on,
            max(case when event = 'left_segment' then on_day end) as out_on,
            max(case when event in ('entered', 'returned') then on_day end) as in_on
        from earlier
        group by campaign, patient_id
    ),
    before as (
        select
            histories.campaign,
            histories.patient_id,
            histories.entered_on,
            histories.out_on,
            histories.ended_on is null or histories.ended_on < histories.entered_on as is_active,
            histories.out_on is null or histories.out_on < histories.in_on as was_member
        from histories
        inner join scenarios on scenarios.campaign = histories.campaign
    ),
    active as (
        select
            before.campaign,
            before.patient_id,
            before.entered_on,
            {{ visits_count_from("before") }} as visits_count_from,
            max(case when events.event = 'passed' then events.step end) as passed_step
        from before
        inner join
            earlier as events
            on events.campaign = before.campaign
            and events.patient_id = before.patient_id
            and events.on_day >= before.entered_on
        where before.is_active
        group by before.campaign, before.patient_id, before.entered_on
    ),
    sent as ({{ steps_sent("active") }}),
    goals as (
        select active.campaign, active.patient_id, min(visits.visited_on) as goal_on
        from active
        inner join
            {{ ref("stg_visits") }} as visits
            on visits.patient_id = active.patient_id
            and visits.visited_on >= active.visits_count_from
            and visits.visited_on <= {{ as_of() }}
        group by active.campaign, active.patient_id
    ),
    judged as (
        select
            active.campaign,
            active.patient_id,
            active.entered_on,
            goals.goal_on,
            -- A step left after they had come, because the export told of it later.
            coalesce(sent.sent_on > goals.goal_on, false) as is_late,
            sent.step as sent_step,
            sent.sent_on,
            greatest(coalesce(sent.step, 0), coalesce(active.passed_step, 0)) as done_step,
            case
                when goals.goal_on is not null
                then 'goal'
                when sent.step is not null and not coalesce(accounts.is_following, false)
                then 'blocked'
                when sent.step is not null and not accounts.has_consent
                then 'stopped'
                when
                    people.patient_id is not null
                    and greatest(
                        {{ add_days("active.entered_on", "scenarios.lapses_after_days") }},
                        {{ add_days("sent.sent_on", "scenarios.lapse_days") }}
                    )
                    >= {{ as_of() }}
                then null
                when
                    greatest(coalesce(sent.step, 0), coalesce(active.passed_step, 0))
                    >= scenarios.last_step
                then 'completed'
                when people.patient_id is null
                then 'left'
                else 'lapsed'
            end as event
        from active
        inner join scenarios on scenarios.campaign = active.campaign
        left join
            people on people.campaign = active.campaign and people.patient_id = active.patient_id
        left join goals on goals.campaign = active.campaign and goals.patient_id = active.patient_id
        left join sent on sent.campaign = active.campaign and sent.patient_id = active.patient_id
        left join
            {{ ref("addressees") }} as accounts
            on accounts.patient_id = active.patient_id
            and accounts.purpose = scenarios.purpose
    ),
    held_tags as (
        select
            judged.campaign,
            judged.patient_id,
            steps.step,
            count(case when steps.only_if like '%,' || tags.tag || ',%' then 1 end) as wanted,
            count(case when steps.unless like '%,' || tags.tag || ',%' then 1 end) as unwanted
        from judged
        inner join
            {{ ref("campaign_steps") }} as steps
            on steps.campaign = judged.campaign
            and steps.step > judged.done_step
        inner join
            {{ ref("patient_tags") }} as tags
            on tags.patient_id = judged.patient_id
            and tags.state = 'has'
            and steps.only_if || steps.unless like '%,' || tags.tag || ',%'
        where judged.event is null
        group by judged.campaign, judged.patient_id, steps.step
    ),
    steps_ahead as (
        select
            judged.campaign,
            judged.patient_id,
            steps.step,
            {{
                step_due_on(
                    "judged.entered_on",
                    "steps.after_days",
                    "judged.sent_on",
                    "sent_steps.after_days",
                )
            }} <= {{ as_of() }}
            and (
                coalesce(held_tags.wanted, 0)
                < length(steps.only_if) - length(replace(steps.only_if, ',', '')) - 1
                or coalesce(held_tags.unwanted, 0) > 0
            ) as is_passed
        from judged
        inner join
            {{ ref("campaign_steps") }} as steps
            on steps.campaign = judged.campaign
            and steps.step > judged.done_step
        left join
            {{ ref("campaign_steps") }} as sent_steps
            on sent_steps.campaign = judged.campaign
            and sent_steps.step = judged.sent_step
        left join
            held_tags
            on held_tags.campaign = judged.campaign
            and held_tags.patient_id = judged.patient_id
            and held_tags.step = steps.step
        where judged.event is null
    ),
    next_kept as (
        select
            campaign,
            patient_id,
            max(case when is_passed then step end) as last_passed,
            min(case when is_passed then step end) as first_passed,
            min(case when not is_passed then step end) as first_kept
        from steps_ahead
        group by campaign, patient_id
    ),
    memberships as (
        select
            people.campaign,
            people.patient_id,
            case
                when before.patient_id is null
                then 'entered'
                when before.is_active
                then 'returned'
                when scenarios.reentry = 'always'
                then 'entered'
                when
                    scenarios.reentry = 'per_episode'
                    and {{ add_days("before.out_on", "scenarios.reentry_gap_days") }}
                    <= {{ as_of() }}
                then 'entered'
                else 'returned'
            end as event,
            people.last_visit_on
        from people
        inner join scenarios on scenarios.campaign = people.campaign
        left join
            before on before.campaign = people.campaign and before.patient_id = people.patient_id
        where people.is_member and not coalesce(before.was_member, false)
        union all
        select
            before.campaign,
            before.patient_id,
            'left_segment' as event,
            cast(null as date) as last_visit_on
        from before
        left join
            people
            on people.campaign = before.campaign
            and people.patient_id = before.patient_id
            and people.is_member
        where before.was_member and people.patient_id is null
    )
select campaign, patient_id, on_day, event, step, visited_on, is_late
from earlier
union all
select campaign, patient_id, {{ as_of() }} as on_day, event, sent_step as step, goal_on, is_late
from judged
where event is not null
union all
-- The steps that are due in a row and not for them; the next one comes at its own day.
select
    campaign,
    patient_id,
    {{ as_of() }} as on_day,
    'passed' as event,
    case when first_kept > first_passed then first_kept - 1 else last_passed end as step,
    cast(null as date) as visited_on,
    false as is_late
from next_kept
where first_passed is not null and (first_kept is null or first_kept > first_passed)
union all
select
    campaign,
    patient_id,
    {{ as_of() }} as on_day,
    event,
    cast(null as integer) as step,
    last_visit_on as visited_on,
    false as is_late
from memberships
