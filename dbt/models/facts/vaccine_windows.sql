-- One row per patient and dose of the dated schedule whose window lies within a year of today:
-- from when it is open, from when we ask, and until when.
{{ config(materialized="view") }}
with
    schedule as (
        select
            doses.tag,
            doses.vaccine,
            doses.dose_no,
            doses.sex,
            doses.rule,
            doses.age_unit,
            doses.min_age,
            doses.due_age,
            doses.max_age,
            doses.days_between,
            doses.months_between,
            doses.days_since_first,
            doses.started_before_months,
            doses.needs_history,
            doses.subsidy,
            doses.valid_to,
            products.is_live and products.route = 'injected' as waits_for_live,
            case
                doses.age_unit
                when 'days'
                then doses.max_age / 28
                when 'months'
                then doses.max_age
                else 12 * doses.max_age
            end as max_months,
            {{ add_months(fiscal_year_start(as_of()), "doses.season_from_month - 4") }}
            as season_from,
            {{
                add_days(
                    add_months(
                        fiscal_year_start(as_of()),
                        "case when doses.season_to_month < 4 then 12 else 0 end"
                        ~ " + doses.season_to_month - 3",
                    ),
                    -1,
                )
            }} as season_to
        from {{ ref("vaccine_schedule") }} as doses
        inner join {{ ref("vaccines") }} as products on products.vaccine = doses.vaccine
        where {{ in_force("doses") }}
    ),
    windows as (
        select
            patients.patient_id,
            schedule.tag,
            schedule.vaccine,
            schedule.dose_no,
            schedule.sex,
            schedule.rule,
            schedule.days_between,
            schedule.months_between,
            schedule.days_since_first,
            schedule.started_before_months,
            schedule.needs_history,
            schedule.subsidy,
            schedule.valid_to,
            schedule.waits_for_live,
            case
                schedule.rule
                when 'age'
                then
                    {{ day_of_age("patients.birth_date", "schedule.min_age", "schedule.age_unit") }}
                when 'fiscal_year'
                then {{ fiscal_year_of_age("patients.birth_date", "schedule.min_age") }}
                else
                    greatest(
                        schedule.season_from,
                        {{ age_reached_on("patients.birth_date", "schedule.min_age") }}
                    )
            end as opens_on,
            case
                when schedule.rule = 'age'
                then
                    {{ day_of_age("patients.birth_date", "schedule.due_age", "schedule.age_unit") }}
            end as standard_on,
            case
                when schedule.rule = 'fiscal_year'
                then
                    {{
                        add_days(
                            fiscal_year_of_age("patients.birth_date", "schedule.max_age + 1"), -1
                        )
                    }}
                when schedule.rule = 'season'
                then schedule.season_to
                when schedule.age_unit = 'days'
                then {{ add_days("patients.birth_date", "schedule.max_age") }}
                else
                    -- The eve of the day; for a day that the month lacks, the last it has.
                    greatest(
                        {{ add_days(add_months("patients.birth_date", "schedule.max_months"), -1) }},
                        {{ add_months(add_days("patients.birth_date", -1), "schedule.max_months") }}
                    )
            end as last_day
        from {{ ref("patients_today") }} as patients
        inner join schedule on schedule.sex in ('any', patients.sex) or patients.sex = 'unknown'
        where
            -- Spares the days of windows that are far away; the year is cut exactly below.
            patients.age_years <= schedule.max_months / 12 + 2
            and (schedule.age_unit <> 'years' or patients.age_years >= schedule.min_age - 2)
    )
select
    patient_id,
    tag,
    vaccine,
    dose_no,
    sex,
    rule,
    days_between,
    months_between,
    days_since_first,
    started_before_months,
    needs_history,
    subsidy,
    waits_for_live,
    opens_on,
    coalesce(standard_on, opens_on) as asks_on,
    last_day
from windows
where
    opens_on <= last_day
    -- A rule that has ended by then opens nothing.
    and opens_on <= coalesce(valid_to, opens_on)
    and coalesce(standard_on, opens_on) <= {{ add_months(as_of(), 12) }}
    and last_day >= {{ add_months(as_of(), -12) }}
union all
-- Without a birth date no window can be told: one row says so.
select
    patients.patient_id,
    schedule.tag,
    schedule.vaccine,
    schedule.dose_no,
    schedule.sex,
    min(schedule.rule) as rule,
    cast(null as integer) as days_between,
    cast(null as integer) as months_between,
    cast(null as integer) as days_since_first,
    cast(null as integer) as started_before_months,
    false as needs_history,
    min(schedule.subsidy) as subsidy,
    false as waits_for_live,
    cast(null as date) as opens_on,
    cast(null as date) as asks_on,
    cast(null as date) as last_day
from {{ ref("patients_today") }} as patients
inner join schedule on schedule.sex in ('any', patients.sex) or patients.sex = 'unknown'
where patients.birth_date is null and schedule.dose_no = 1
group by patients.patient_id, schedule.tag, schedule.vaccine, schedule.dose_no, schedule.sex
