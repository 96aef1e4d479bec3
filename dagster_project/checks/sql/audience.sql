-- One row per tag: its members against the last published night, holders who are no patients, unknowns.
with
    tonight as (
        select
            tags.tag,
            count(case when tags.state = 'has' then 1 end) as members,
            count(case when tags.state = 'unknown' then 1 end) as unknowns,
            count(case when patients.patient_id is null then 1 end) as orphans
        from patient_tags as tags
        left join patients_today as patients on patients.patient_id = tags.patient_id
        group by tags.tag
    ),
    -- A jump is measured against a whole week of published nights, never against itself: what was
    -- held tonight is held again when the night is built again, and for as long as it is new.
    days as (
        select (select as_of from meta.build) - cast(unnest(range(1, 8)) as integer) as on_day
    ),
    sizes as (
        select
            days.on_day,
            events.tag,
            sum(case when events.event = 'gained' then 1 else -1 end) as members
        from days
        inner join previous.tag_events as events on events.on_day <= days.on_day
        group by days.on_day, events.tag
    ),
    before as (
        select tag, min(members) as fewest, max(members) as most from sizes group by tag
    ),
    clinic as (select count(*) as patients from patients_today),
    joined as (
        select
            catalog.tag as subject,
            coalesce(tonight.members, 0) as members,
            before.fewest,
            before.most,
            coalesce(tonight.orphans, 0) as orphans,
            coalesce(tonight.unknowns, 0) * 1.0 / nullif(clinic.patients, 0) as unknown_share
        from tag_catalog as catalog
        cross join clinic
        left join tonight on tonight.tag = catalog.tag
        left join before on before.tag = catalog.tag
        -- Nobody holds a retired tag, and that is no fall.
        where catalog.retired_on is null
    )
select
    subject,
    members,
    fewest as fewest_this_week,
    most as most_this_week,
    orphans,
    coalesce(unknown_share, 0) as unknown_share,
    -- Half as many again, or half as few, and at least twenty people: more than a night explains.
    coalesce(cast(greatest(fewest * 1.5, fewest + 20) as bigint), 2147483647) as members_ceiling,
    coalesce(cast(greatest(least(most * 0.5, most - 20), 0) as bigint), 0) as members_floor
from joined
order by subject
