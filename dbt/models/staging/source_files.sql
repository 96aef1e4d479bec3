-- The exports that count as of tonight: of a full dump only the newest, of a delta every one.
with
    landed as (
        select feed, format, mode, file_id, max(exported_on) as exported_on
        from {{ source("landing", "files") }}
        where status = 'landed' and exported_on <= {{ as_of() }}
        group by feed, format, mode, file_id
    ),
    ranked as (
        select
            feed,
            format,
            mode,
            file_id,
            exported_on,
            row_number() over (partition by feed order by exported_on desc, file_id desc) as recency
        from landed
    )
select feed, format, mode, file_id, exported_on, mode = 'delta' or recency = 1 as is_current
from ranked
