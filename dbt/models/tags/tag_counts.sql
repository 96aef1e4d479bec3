-- One row per tag in use: how many have it, how many cannot be told, who came and went tonight.
{{ config(materialized="table") }}
with
    states as (
        select
            tag,
            count(case when state = 'has' then 1 end) as has,
            count(case when state = 'unknown' then 1 end) as unknown
        from {{ ref("patient_tags") }}
        group by tag
    ),
    tonight as (
        select
            tag,
            count(case when event = 'gained' then 1 end) as gained,
            count(case when event = 'lost' then 1 end) as lost
        from {{ ref("tag_events") }}
        where on_day = {{ as_of() }}
        group by tag
    ),
    clinic as (select count(*) as patients from {{ ref("patients_today") }})
select
    catalog.tag,
    coalesce(states.has, 0) as has,
    coalesce(states.unknown, 0) as unknown,
    coalesce(tonight.gained, 0) as gained,
    coalesce(tonight.lost, 0) as lost,
    clinic.patients,
    rules.rule_version,
    -- Tells a jump of an edited rule from one of patients.
    coalesce(before.rule_version <> rules.rule_version, false) as is_rule_changed
from {{ ref("tag_catalog") }} as catalog
cross join clinic
left join states on states.tag = catalog.tag
left join tonight on tonight.tag = catalog.tag
left join {{ source("meta", "rule_versions") }} as rules on rules.tag = catalog.tag
left join {{ source("previous", "rule_versions") }} as before on before.tag = catalog.tag
where catalog.retired_on is null
