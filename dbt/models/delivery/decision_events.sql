-- One row per campaign and patient whose decision changed, by business day: what the last
-- published nights decided, and tonight's difference.
with
    earlier as (
        -- The same business day built again replaces itself.
        select campaign, step, patient_id, on_day, outcome, reason, because_on
        from {{ source("previous", "decision_events") }}
        where on_day < {{ as_of() }}
    ),
    last_event as (
        select
            campaign,
            step,
            patient_id,
            reason,
            because_on,
            row_number() over (
                partition by campaign, step, patient_id order by on_day desc
            ) as recency
        from earlier
    ),
    stood as (
        select campaign, step, patient_id, reason, because_on
        from last_event
        where recency = 1 and reason <> 'not_in_segment'
    ),
    changes as (
        select
            coalesce(decisions.campaign, stood.campaign) as campaign,
            coalesce(decisions.step, stood.step) as step,
            coalesce(decisions.patient_id, stood.patient_id) as patient_id,
            {{ as_of() }} as on_day,
            coalesce(decisions.outcome, 'skip') as outcome,
            coalesce(decisions.reason, 'not_in_segment') as reason,
            decisions.because_on
        from {{ ref("delivery_decisions") }} as decisions
        full outer join
            stood
            on stood.campaign = decisions.campaign
            and stood.step = decisions.step
            and stood.patient_id = decisions.patient_id
        where
            decisions.campaign is null
            or stood.campaign is null
            or decisions.reason <> stood.reason
            or coalesce(decisions.because_on, {{ as_of() }})
            <> coalesce(stood.because_on, {{ as_of() }})
    )
select campaign, step, patient_id, on_day, outcome, reason, because_on
from earlier
union all
select campaign, step, patient_id, on_day, outcome, reason, because_on
from changes
