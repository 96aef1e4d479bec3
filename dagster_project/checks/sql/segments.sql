-- One row per campaign: the people in its segment tonight, against the nights published this week.
with
    sizes as (
        select
            campaign,
            max(case when on_day = (select as_of from meta.build) then members end) as members,
            min(case when on_day < (select as_of from meta.build) then members end) as fewest,
            max(case when on_day < (select as_of from meta.build) then members end) as most
        from segment_sizes
        group by campaign
    )
select
    campaign as subject,
    members,
    fewest as fewest_this_week,
    most as most_this_week,
    -- As for a tag: half as many again, or half as few, and at least twenty people.
    coalesce(cast(greatest(fewest * 1.5, fewest + 20) as bigint), 2147483647) as members_ceiling,
    coalesce(cast(greatest(least(most * 0.5, most - 20), 0) as bigint), 0) as members_floor
from sizes
order by subject
