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
            {{ visits_count_from("last_entries") }} as visits_count_from,
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
    sent as ({{ steps_sent("entries") }})
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
