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
    before as (
        select tag, count(*) as members_before
        from previous.patient_tags
        where state = 'has'
        group by tag
    ),
    clinic as (select count(*) as patients from patients_today),
    joined as (
        select
            catalog.tag as subject,
            coalesce(tonight.members, 0) as members,
            coalesce(before.members_before, 0) as members_before,
            coalesce(tonight.orphans, 0) as orphans,
            coalesce(tonight.unknowns, 0) * 1.0 / nullif(clinic.patients, 0) as unknown_share,
            (select count(*) from previous.published) = 0 as is_first_night
        from tag_catalog as catalog
        cross join clinic
        left join tonight on tonight.tag = catalog.tag
        left join before on before.tag = catalog.tag
    )
select
    subject,
    members,
    members_before,
    orphans,
    coalesce(unknown_share, 0) as unknown_share,
    -- Half as many again, or half as few, and at least twenty people: more than one night explains.
    case
        when is_first_night then 2147483647
        else cast(greatest(members_before * 1.5, members_before + 20) as bigint)
    end as members_ceiling,
    case
        when is_first_night then 0
        else cast(greatest(least(members_before * 0.5, members_before - 20), 0) as bigint)
    end as members_floor
from joined
order by subject
