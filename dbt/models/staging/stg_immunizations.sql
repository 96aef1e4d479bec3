-- One row per patient, vaccine and day given; the newest record wins, and only what was completed
-- counts.
with
    ranked as (
        select
            {{ patient_id("immunizations.patient_no") }} as patient_id,
            immunizations.vaccine,
            immunizations.given_on,
            try_cast(immunizations.dose_no as integer) as dose_no,
            immunizations.status,
            immunizations.file_id,
            immunizations.line_no,
            row_number() over (
                partition by
                    {{ patient_id("immunizations.patient_no") }},
                    immunizations.vaccine,
                    immunizations.given_on
                order by files.precedence desc, immunizations.line_no desc
            ) as recency
        from {{ source("landing", "immunizations") }} as immunizations
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = immunizations.file_id
            and files.is_current
        where immunizations.vaccine is not null and immunizations.given_on <= {{ as_of() }}
    )
select patient_id, vaccine, given_on, dose_no, file_id, line_no
from ranked
where recency = 1 and coalesce(status, 'completed') = 'completed'
