-- One row per tag that a decision has retired, or merged into another; while any file still names
-- one, the build stops here and says which.
{{ config(materialized="table") }}
with
    decisions as (
        select
            tag,
            action,
            into_tag,
            made_on,
            row_number() over (partition by tag order by id desc) as recency
        from {{ source("ledger", "tag_decisions") }}
        where made_on <= {{ as_of() }}
    ),
    retired as (
        select tag, into_tag, made_on as retired_on
        from decisions
        where recency = 1 and action <> 'keep'
    ),
    named as (
        select tag, string_agg(path, ', ' order by path) as paths
        from {{ ref("tag_references") }}
        group by tag
    ),
    judged as (
        select
            retired.tag,
            retired.into_tag,
            retired.retired_on,
            'タグ '
            || retired.tag
            || ' は '
            || cast(retired.retired_on as {{ dbt.type_string() }})
            || ' に廃止されましたが、まだ使われています: '
            || named.paths
            || ' / tag '
            || retired.tag
            || ' is retired and still named by '
            || named.paths
            || ': take it out of there'
            || coalesce(', or name ' || retired.into_tag || ' instead', '')
            || ', or undo it: tagline review decide '
            || retired.tag
            || ' keep' as complaint
        from retired
        left join named on named.tag = retired.tag
    )
select
    tag,
    into_tag,
    case when complaint is null then retired_on else {{ stop_with("complaint") }} end as retired_on
from judged
