-- One row per campaign: the people in its segment tonight, against the nights published this week.
with
    clinic as (
        select
            (select as_of from meta.build) as as_of,
            (select count(*) from patients_today) as patients
    ),
    week as (select as_of - cast(unnest(range(0, 8)) as integer) as on_day from clinic),
    -- The last day of this week on which the law moved a campaign's people, or those of its tags.
    moves as (
        select campaigns.campaign, max(week.on_day) as moved_on
        from campaigns
        left join tag_catalog as catalog on campaigns.tags like '%,' || catalog.tag || ',%'
        inner join
            week
            on campaigns.moves_on || coalesce(catalog.moves_on, '')
            like '%,' || strftime(week.on_day, '%m-%d') || ',%'
        group by campaigns.campaign
    ),
    -- As for a tag: nights before the move measure more loosely, by a tenth of the clinic.
    measures as (
        select
            sizes.campaign,
            sizes.on_day,
            sizes.members,
            case
                when sizes.on_day < moves.moved_on
                then cast(ceil(clinic.patients / 10.0) as bigint)
                else 0
            end as widened_by
        from segment_sizes as sizes
        cross join clinic
        left join moves on moves.campaign = sizes.campaign
        where sizes.on_day < clinic.as_of
    ),
    -- As for a tag: half as many again, or half as few, and at least twenty people.
    before as (
        select
            campaign,
            min(members) as fewest,
            max(members) as most,
            arg_max(widened_by, on_day) as widened_by,
            min(cast(greatest(members * 1.5, members + 20) as bigint) + widened_by) as ceiling,
            max(cast(least(members * 0.5, members - 20) as bigint) - widened_by) as floor
        from measures
        group by campaign
    )
select
    tonight.campaign as subject,
    tonight.members,
    before.fewest as fewest_this_week,
    before.most as most_this_week,
    coalesce(before.widened_by, 0) as widened_by,
    coalesce(before.ceiling, 2147483647) as members_ceiling,
    coalesce(greatest(before.floor, 0), 0) as members_floor
from segment_sizes as tonight
inner join clinic on clinic.as_of = tonight.on_day
left join before on before.campaign = tonight.campaign
order by subject
