-- One row per measurement that is a number; the same line exported twice is one measurement.
with
    measured as (
        select
            {{ patient_id("observations.patient_no") }} as patient_id,
            observations.observed_on,
            observations.item,
            try_cast(observations.value as double) as value,
            observations.unit,
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
                order by file_id desc, line_no desc
            ) as copy_no
        from measured
        where value is not null
    )
select patient_id, observed_on, item, value, unit, file_id, line_no
from ranked
where copy_no = 1
