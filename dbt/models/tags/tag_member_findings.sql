-- One row per tag and what its members of tonight alone say against it: too few, nearly those of
-- another tag, or too many unknown. No history is needed, so a preview can ask it of a new tag.
{{ config(materialized="table") }}
with
    rules as ({{ review_rules() }}),
    clinic as (select count(*) as patients from {{ ref("patients_today") }}),
    states as (
        select
            tag,
            count(case when state = 'has' then 1 end) as has,
            count(case when state = 'unknown' then 1 end) as unknown
        from {{ ref("patient_tags") }}
        group by tag
    ),
    tags as (
        select
            catalog.tag,
            coalesce(states.has, 0) as has,
            coalesce(states.unknown, 0) as unknown,
            clinic.patients
        from {{ ref("tag_catalog") }} as catalog
        cross join clinic
        left join states on states.tag = catalog.tag
        where catalog.retired_on is null
    ),
    few as (
        select
            tags.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(tags.has as double) as measured,
            rules.threshold,
            '該当 ' || {{ as_text("tags.has") }} || ' 人' as evidence
        from tags
        inner join rules on rules.finding = 'too_few_members' and tags.has < rules.threshold
    ),
    overlapping as (
        select
            pairs.tag,
            rules.finding,
            pairs.other_tag,
            pairs.jaccard as measured,
            rules.threshold,
            {{ percent("pairs.jaccard") }}
            || ' 重なる (両方 '
            || {{ as_text("pairs.shared") }}
            || ' 人、どちらか '
            || {{ as_text("pairs.either") }}
            || ' 人)' as evidence
        from {{ ref("tag_overlaps") }} as pairs
        inner join rules on rules.finding = 'overlapping'
    ),
    unknown as (
        select
            tags.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(tags.unknown as double) / tags.patients as measured,
            rules.threshold,
            '判定不能 '
            || {{ percent("cast(tags.unknown as double) / tags.patients") }}
            || ' ('
            || {{ as_text("tags.unknown") }}
            || ' / '
            || {{ as_text("tags.patients") }}
            || ' 人)' as evidence
        from tags
        inner join
            rules
            on rules.finding = 'too_many_unknown'
            and cast(tags.unknown as double) / tags.patients > rules.threshold
    )
select tag, finding, other_tag, measured, threshold, evidence
from few
union all
select tag, finding, other_tag, measured, threshold, evidence
from overlapping
union all
select tag, finding, other_tag, measured, threshold, evidence
from unknown
