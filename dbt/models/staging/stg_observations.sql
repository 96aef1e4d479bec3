-- One row per measurement that is a number; the same value of a day exported twice is one
-- measurement.
with
    measured as (
        select
            {{ patient_id("observations.patient_no") }} as patient_id,
            observations.observed_on,
            observations.item,
            try_cast(observations.value as double) as value,
            observations.unit,
            files.precedence,
            observations.file_id,
            observations.line_no
        from {{ source("landing", "observations") }} as observations
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = observations.file_id
            and files.is_current
        where observations.observed_on <= {{ as_of() }}
    ),
    ranked as (
        select
            *,
            row_number() over (
                partition by patient_id, observed_on, item, value
                order by precedence desc, line_no desc
            ) as recency
        from measured
        -- Also keeps "NaN" and "inf" out, which a cast takes for numbers.
        where value between 0 and 1000000
    )
select patient_id, observed_on, item, value, unit, precedence, file_id, line_no
from ranked
where recency = 1
