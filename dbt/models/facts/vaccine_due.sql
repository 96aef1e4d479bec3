-- One row per child and dose not yet given whose last day has not passed, from the dated schedule.
with
    given as (
        -- A dose given elsewhere is on no record here, but the number of a later one tells of it.
        select patient_id, vaccine, greatest(count(distinct given_on), max(dose_no)) as doses
        from {{ ref("stg_immunizations") }}
        group by patient_id, vaccine
    ),
    children as (
        select
            patient_id,
            birth_date,
            file_id,
            line_no,
            -- School cohorts run from 2 April to 1 April of the next year.
            extract(year from {{ add_months(add_days("birth_date", -1), -3) }}) as cohort_year
        from {{ ref("patients_today") }}
        where birth_date is not null
    ),
    windows as (
        select
            children.patient_id,
            schedule.vaccine,
            schedule.dose_no,
            case
                when schedule.rule = 'age_months'
                then {{ add_months("children.birth_date", "schedule.min_months") }}
                else cast(cast(children.cohort_year + 6 as varchar) || '-04-01' as date)
            end as due_from,
            case
                when schedule.rule = 'age_months'
                then
                    -- The eve of the day; for a day that the month lacks, the last it has.
                    greatest(
                        {{ add_days(add_months("children.birth_date", "schedule.max_months"), -1) }},
                        {{ add_months(add_days("children.birth_date", -1), "schedule.max_months") }}
                    )
                else cast(cast(children.cohort_year + 7 as varchar) || '-03-31' as date)
            end as last_day,
            children.file_id,
            children.line_no
        from children
        cross join {{ ref("vaccine_schedule") }} as schedule
        cross join {{ source("clinic", "profile") }} as profile
        where
            -- Without a vaccination record nobody is due: a missing row is not a missing dose.
            profile.has_immunization_feed
            and schedule.valid_from <= {{ as_of() }}
            and coalesce(schedule.valid_to, {{ as_of() }}) >= {{ as_of() }}
    )
select
    windows.patient_id,
    windows.vaccine,
    windows.dose_no,
    windows.due_from,
    windows.last_day,
    windows.file_id,
    windows.line_no
from windows
left join given on given.patient_id = windows.patient_id and given.vaccine = windows.vaccine
where
    windows.last_day >= {{ as_of() }}
    -- A second dose is due only after a first one is on record.
    and coalesce(given.doses, 0) = windows.dose_no - 1
