-- One row per tag of a night: how many patients come out as published, how many otherwise, and the
-- version of its rule then and now.
with
    joined as (
        select
            coalesce(published.tag, again.tag) as tag,
            coalesce(published.patient_id, again.patient_id) as patient_id,
            case
                when again.tag is null
                then 'only then'
                when published.tag is null
                then 'only again'
                when
                    published.state = again.state
                    and published.since is not distinct from again.since
                then 'same'
                else 'otherwise'
            end as outcome
        from as_published as published
        full outer join
            as_replayed as again
            on again.tag = published.tag
            and again.patient_id = published.patient_id
    ),
    versions as (
        select tag, max_by(rule_version, on_day) as rule_version
        from meta.rule_history
        where on_day <= $day
        group by tag
    )
select
    joined.tag,
    any_value(versions.rule_version) as version_then,
    any_value(today.rule_version) as version_now,
    count(*) filter (where outcome = 'same') as same,
    count(*) filter (where outcome = 'only then') as only_then,
    count(*) filter (where outcome = 'only again') as only_again,
    count(*) filter (where outcome = 'otherwise') as otherwise,
    list(patient_id order by patient_id) filter (where outcome <> 'same') as patients
from joined
left join versions on versions.tag = joined.tag
left join replayed.meta.rule_versions as today on today.tag = joined.tag
group by joined.tag
order by joined.tag
