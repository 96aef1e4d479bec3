-- One row per membership gained or lost, by business day: what the last published nights knew,
-- and tonight's difference. A tag that is retired, or has no file any more, leaves its holders
-- as `retired`, so that it is told from patients who left it as `lost`.
{{ config(materialized="table") }}
with
    earlier as (
        -- The same business day built again replaces itself.
        select tag, patient_id, event, on_day, rule_version
        from {{ source("previous", "tag_events") }}
        where on_day < {{ as_of() }}
    ),
    last_event as (
        select
            tag,
            patient_id,
            event,
            row_number() over (partition by tag, patient_id order by on_day desc) as recency
        from earlier
    ),
    held as (select tag, patient_id from last_event where recency = 1 and event = 'gained'),
    holds as (select tag, patient_id from {{ ref("patient_tags") }} where state = 'has'),
    in_use as (select tag from {{ ref("tag_catalog") }} where retired_on is null),
    changes as (
        select
            coalesce(holds.tag, held.tag) as tag,
            coalesce(holds.patient_id, held.patient_id) as patient_id,
            case
                when held.tag is null
                then 'gained'
                when in_use.tag is null
                then 'retired'
                else 'lost'
            end as event,
            {{ as_of() }} as on_day
        from holds
        full outer join held on held.tag = holds.tag and held.patient_id = holds.patient_id
        left join in_use on in_use.tag = held.tag
        where held.tag is null or holds.tag is null
    )
select tag, patient_id, event, on_day, rule_version
from earlier
union all
select changes.tag, changes.patient_id, changes.event, changes.on_day, rules.rule_version
from changes
left join {{ source("meta", "rule_versions") }} as rules on rules.tag = changes.tag
