-- One row per export that counts as of tonight: of a full dump only the newest of its period is
-- current, of a delta every one. Where two speak of the same, the higher precedence has the word.
with
    landed as (
        select
            feed,
            mode,
            period,
            file_id,
            exported_on,
            -- The twin of `order` in ingest/current.py, which says why.
            row_number() over (order by exported_on, length(name), name, arrival) as precedence
        from {{ source("landing", "files") }}
        -- What a night may not know yet is not there to be read: prepare.py.
        where status = 'landed'
    ),
    ranked as (
        select
            *,
            row_number() over (partition by feed, mode, period order by precedence desc) as recency
        from landed
    )
-- The same bytes may come under several names, and serve two feeds; they are one set of records.
select
    file_id,
    min(feed) as feed,
    max(exported_on) as exported_on,
    max(precedence) as precedence,
    max(case when mode = 'delta' or recency = 1 then 1 else 0 end) = 1 as is_current
from ranked
group by file_id
