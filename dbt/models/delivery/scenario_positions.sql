-- One row per scenario and patient who ever entered it: how far the last entry has come, and which
-- step is next, due on which day.
with
    last_entries as (
        select campaign, patient_id, max(on_day) as entered_on
        from {{ ref("scenario_events") }}
        where event = 'entered'
        group by campaign, patient_id
    ),
    entries as (
        select
            last_entries.campaign,
            last_entries.patient_id,
            last_entries.entered_on,
            -- A visit that was known when they entered is what led to it, or came before.
            max(
                case
                    when events.event = 'entered' and events.visited_on >= last_entries.entered_on
                    then {{ add_days("events.visited_on", 1) }}
                    else last_entries.entered_on
                end
            ) as visits_count_from,
            max(case when events.event = 'passed' then events.step end) as passed_step,
            max(case when {{ ends_an_entry("events.event") }} then events.event end) as ended_as,
            max(case when {{ ends_an_entry("events.event") }} then events.on_day end) as ended_on,
            max(case when events.event = 'goal' then events.visited_on end) as goal_on,
            max(case when events.is_late then 1 else 0 end) = 1 as is_late
        from last_entries
        inner join
            {{ ref("scenario_events") }} as events
            on events.campaign = last_entries.campaign
            and events.patient_id = last_entries.patient_id
            and events.on_day >= last_entries.entered_on
        group by last_entries.campaign, last_entries.patient_id, last_entries.entered_on
    ),
    sent as (
        select
            entries.campaign,
            entries.patient_id,
            max(deliveries.step) as step,
            max(deliveries.as_of) as sent_on
        from entries
        inner join
            {{ source("ledger", "deliveries") }} as deliveries
            on deliveries.campaign = entries.campaign
            and deliveries.patient_id = entries.patient_id
            and deliveries.state in ('batched', 'accepted', 'unknown')
            and deliveries.as_of >= entries.entered_on
            and deliveries.as_of < {{ as_of() }}
        group by entries.campaign, entries.patient_id
    )
select
    entries.campaign,
    entries.patient_id,
    entries.entered_on,
    entries.visits_count_from,
    coalesce(entries.ended_as, 'active') as state,
    entries.ended_on,
    entries.goal_on,
    entries.is_late,
    sent.step as last_step,
    sent.sent_on as last_sent_on,
    steps.step as next_step,
    {{
        step_due_on(
            "entries.entered_on", "steps.after_days", "sent.sent_on", "sent_steps.after_days"
        )
    }} as next_due_on
from entries
left join sent on sent.campaign = entries.campaign and sent.patient_id = entries.patient_id
left join
    {{ ref("campaign_steps") }} as sent_steps
    on sent_steps.campaign = entries.campaign
    and sent_steps.step = sent.step
left join
    {{ ref("campaign_steps") }} as steps
    on steps.campaign = entries.campaign
    and steps.step = greatest(coalesce(sent.step, 0), coalesce(entries.passed_step, 0)) + 1
