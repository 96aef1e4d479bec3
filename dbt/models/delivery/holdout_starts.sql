-- One row per campaign, step and held-out patient, by the night on which they would have been
-- written to: from that day on their visits are counted, as after a message.
with
    earlier as ({{ earlier_holdout_starts() }}),
    last_starts as (
        select campaign, step, patient_id, max(on_day) as on_day
        from earlier
        group by campaign, step, patient_id
    ),
    vetoes as ({{ vetoes_of_today() }}),
    -- Where tonight's messages all wait for the quota, so do those who are compared with them.
    waiting as (
        select campaign, step
        from {{ ref("delivery_decisions") }}
        where reason in ('send', 'deferred_by_quota')
        group by campaign, step
        having count(case when reason = 'send' then 1 end) = 0
    )
select campaign, step, patient_id, on_day, occurrence_id
from earlier
union all
select
    decisions.campaign,
    decisions.step,
    decisions.patient_id,
    {{ as_of() }} as on_day,
    decisions.occurrence_id
from {{ ref("delivery_decisions") }} as decisions
inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = decisions.campaign
-- A closed day and a veto keep a message back; what is compared with it waits as long.
inner join {{ source("clinic", "open_days") }} as open_days on open_days.day = {{ as_of() }}
left join
    vetoes
    on (vetoes.scope = 'campaign' and vetoes.subject = decisions.campaign)
    or (vetoes.scope = 'patient' and vetoes.subject = decisions.patient_id)
left join waiting on waiting.campaign = decisions.campaign and waiting.step = decisions.step
left join
    earlier
    on earlier.occurrence_id = decisions.occurrence_id
    and earlier.patient_id = decisions.patient_id
left join
    last_starts
    on last_starts.campaign = decisions.campaign
    and last_starts.step = decisions.step
    and last_starts.patient_id = decisions.patient_id
    and {{ add_days("last_starts.on_day", "campaigns.cooldown_days") }} > {{ as_of() }}
where
    decisions.reason = 'holdout'
    and vetoes.subject is null
    and waiting.campaign is null
    and earlier.patient_id is null
    and last_starts.patient_id is null
