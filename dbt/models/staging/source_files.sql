-- One row per export that counts as of tonight: of a full dump only the newest is current, of a
-- delta every one.
with
    landed as (
        select feed, mode, file_id, max(exported_on) as exported_on
        from {{ source("landing", "files") }}
        where status = 'landed' and exported_on <= {{ as_of() }}
        group by feed, mode, file_id
    ),
    ranked as (
        select
            feed,
            mode,
            file_id,
            exported_on,
            row_number() over (
                partition by feed, mode order by exported_on desc, file_id desc
            ) as recency
        from landed
    )
-- The same bytes may serve two feeds; they are still one set of records.
select
    file_id,
    min(feed) as feed,
    max(exported_on) as exported_on,
    max(case when mode = 'delta' or recency = 1 then 1 else 0 end) = 1 as is_current
from ranked
group by file_id
