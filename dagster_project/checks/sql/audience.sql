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
    clinic as (
        select
            (select as_of from meta.build) as as_of,
            (select count(*) from patients_today) as patients
    ),
    -- A jump is measured against a whole week of published nights, never against itself: what was
    -- held tonight is held again when the night is built again, and for as long as it is new.
    days as (
        select as_of - cast(unnest(range(1, 8)) as integer) as on_day from clinic
    ),
    -- The night whose sizes a day still had.
    nights as (
        select days.on_day, max(published.as_of) as published_on
        from days
        left join previous.nights as published on published.as_of <= days.on_day
        group by days.on_day
    ),
    -- The last day of this week on which the law, and no export, moved the members of a tag.
    moves as (
        select catalog.tag, max(days.on_day) as moved_on
        from tag_catalog as catalog
        inner join
            (select on_day from days union all select as_of from clinic) as days
            on catalog.moves_on like '%,' || strftime(days.on_day, '%m-%d') || ',%'
        group by catalog.tag
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
    -- One school year moves, and none is a tenth of a clinic: nights before the move measure so
    -- much more loosely, and those since then as ever.
    measures as (
        select
            sizes.tag,
            sizes.on_day,
            sizes.members,
            case
                when coalesce(nights.published_on < moves.moved_on, moves.moved_on is not null)
                then cast(ceil(clinic.patients / 10.0) as bigint)
                else 0
            end as widened_by
        from sizes
        cross join clinic
        inner join nights on nights.on_day = sizes.on_day
        left join moves on moves.tag = sizes.tag
    ),
    -- Half as many again, or half as few, and at least twenty people: more than a night explains.
    before as (
        select
            tag,
            min(members) as fewest,
            max(members) as most,
            arg_max(widened_by, on_day) as widened_by,
            min(cast(greatest(members * 1.5, members + 20) as bigint) + widened_by) as ceiling,
            max(cast(least(members * 0.5, members - 20) as bigint) - widened_by) as floor
        from measures
        group by tag
    )
select
    catalog.tag as subject,
    coalesce(tonight.members, 0) as members,
    before.fewest as fewest_this_week,
    before.most as most_this_week,
    coalesce(tonight.orphans, 0) as orphans,
    coalesce(coalesce(tonight.unknowns, 0) * 1.0 / nullif(clinic.patients, 0), 0) as unknown_share,
    coalesce(before.widened_by, 0) as widened_by,
    coalesce(before.ceiling, 2147483647) as members_ceiling,
    coalesce(greatest(before.floor, 0), 0) as members_floor
from tag_catalog as catalog
cross join clinic
left join tonight on tonight.tag = catalog.tag
left join before on before.tag = catalog.tag
-- Nobody holds a retired tag, and that is no fall.
where catalog.retired_on is null
order by subject
