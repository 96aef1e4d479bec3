-- One row per spell a patient held a tag: from the day it was gained to the day it was lost, or the
-- tag retired; open while it is held.
{{ config(materialized="view") }}
with
    ordered as (
        select
            tag,
            patient_id,
            event,
            on_day as held_from,
            lead(on_day) over (partition by tag, patient_id order by on_day) as held_to,
            lead(event) over (partition by tag, patient_id order by on_day) as ended_as,
            rule_version as gained_by_rule,
            lead(rule_version) over (partition by tag, patient_id order by on_day) as lost_by_rule
        from {{ ref("tag_events") }}
    )
select tag, patient_id, held_from, held_to, ended_as, gained_by_rule, lost_by_rule
from ordered
where event = 'gained'
