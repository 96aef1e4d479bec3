-- One row per pair of tags whose holders are the same people up to a share (Jaccard: held together
-- over held at all), the smaller tag first.
{{ config(materialized="table") }}
with
    rules as ({{ review_rules() }}),
    numbered as (
        select patient_id, row_number() over (order by patient_id) - 1 as number
        from {{ ref("patients_today") }}
    ),
    holders as (
        select
            tags.tag,
            cast(floor(numbered.number / 65536) as integer) as block,
            numbered.number % 65536 as number
        from {{ ref("patient_tags") }} as tags
        inner join numbered on numbered.patient_id = tags.patient_id
        where tags.state = 'has'
    ),
    blocks as (
        select tag, block, count(*) as members, {{ number_set("number") }} as holders
        from holders
        group by tag, block
    ),
    sizes as (select tag, sum(members) as members from blocks group by tag),
    -- No pair can share more than the smaller of the two has: most are ruled out by size alone.
    pairs as (
        select
            one.tag,
            other.tag as other_tag,
            one.members,
            other.members as other_members,
            rules.threshold
        from sizes as one
        inner join
            sizes as other
            on one.members < other.members
            or (one.members = other.members and one.tag < other.tag)
        inner join
            rules
            on rules.finding = 'overlapping'
            and cast(one.members as double) / other.members >= rules.threshold
    ),
    shared as (
        select
            pairs.tag,
            pairs.other_tag,
            pairs.members,
            pairs.other_members,
            pairs.threshold,
            sum({{ size_of_both("one.holders", "other.holders") }}) as shared
        from pairs
        inner join blocks as one on one.tag = pairs.tag
        inner join blocks as other on other.tag = pairs.other_tag and other.block = one.block
        group by pairs.tag, pairs.other_tag, pairs.members, pairs.other_members, pairs.threshold
    )
select
    tag,
    other_tag,
    cast(shared as bigint) as shared,
    cast(members + other_members - shared as bigint) as either,
    cast(shared as double) / (members + other_members - shared) as jaccard
from shared
where cast(shared as double) / (members + other_members - shared) >= threshold
