-- One row per patient and dose whose window lies within a year of today: due, not yet open, held
-- until an interval is over, given, past, or not to be told because the history is incomplete.
with
    records as (
        select
            immunizations.patient_id,
            immunizations.given_on,
            immunizations.dose_no,
            immunizations.file_id,
            immunizations.line_no,
            vaccines.series,
            vaccines.vaccine is null as is_unknown,
            vaccines.is_live and vaccines.route = 'injected' as is_live_injected,
            row_number() over (
                partition by immunizations.patient_id, vaccines.series
                order by immunizations.given_on desc, immunizations.file_id, immunizations.line_no
            ) as recency
        from {{ ref("stg_immunizations") }} as immunizations
        left join {{ ref("vaccines") }} as vaccines on vaccines.vaccine = immunizations.vaccine
    ),
    given as (
        select
            patient_id,
            series,
            -- A dose given elsewhere is on no record here, but the number of a later one tells of
            -- it.
            greatest(count(distinct given_on), max(dose_no)) as doses,
            count(
                distinct case when given_on >= {{ fiscal_year_start(as_of()) }} then given_on end
            ) as doses_this_year,
            min(given_on) as first_on,
            max(given_on) as last_on,
            max(case when recency = 1 then file_id end) as file_id,
            max(case when recency = 1 then line_no end) as line_no
        from records
        where series is not null
        group by patient_id, series
    ),
    all_given as (
        select
            patient_id,
            max(case when is_unknown then 1 else 0 end) = 1 as has_unknown,
            max(case when is_live_injected then given_on end) as last_live_on
        from records
        group by patient_id
    ),
    joined as (
        select
            windows.patient_id,
            windows.tag,
            windows.vaccine,
            windows.dose_no,
            windows.subsidy,
            windows.asks_on,
            windows.last_day,
            -- A dose whose window closed over a year ago has no row.
            max(windows.last_day) over (
                partition by windows.patient_id, windows.tag
                order by windows.dose_no
                range between 1 preceding and 1 preceding
            ) as previous_last_day,
            coalesce(
                case when windows.rule = 'season' then given.doses_this_year else given.doses end, 0
            ) as doses,
            {{ add_days("all_given.last_live_on", "live.days_between + 1") }} as after_live_on,
            windows.waits_for_live,
            -- Clear days between: given on the 1st with 27 days between, the next is on the 29th.
            greatest(
                {{ add_days("given.last_on", "windows.days_between + 1") }},
                {{ add_months("given.last_on", "windows.months_between") }},
                {{ add_days("given.first_on", "windows.days_since_first + 1") }}
            ) as after_previous_on,
            windows.opens_on,
            case
                when windows.opens_on is null
                then 'no_birth_date'
                when windows.sex <> 'any' and patients.sex = 'unknown'
                then 'sex_not_recorded'
                when not profile.has_immunization_feed
                then 'no_vaccination_record_exported'
                when all_given.has_unknown
                then 'a_vaccine_on_record_is_unknown'
                when
                    windows.needs_history
                    and given.doses is null
                    and coalesce(patients.first_visit_on > windows.asks_on, true)
                then 'came_after_the_window_opened'
                when
                    {{ add_months("patients.birth_date", "windows.started_before_months") }}
                    <= given.first_on
                then 'started_late'
            end as doubt,
            case
                when given.doses is null then 'stg_patients' else 'stg_immunizations'
            end as evidence_table,
            coalesce(given.file_id, patients.file_id) as file_id,
            coalesce(given.line_no, patients.line_no) as line_no
        from {{ ref("vaccine_windows") }} as windows
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = windows.patient_id
        cross join {{ source("clinic", "profile") }} as profile
        left join given on given.patient_id = windows.patient_id and given.series = windows.vaccine
        left join all_given on all_given.patient_id = windows.patient_id
        left join
            {{ ref("vaccine_intervals") }} as live
            on live.rule = 'after_live_injected'
            and {{ in_force("live") }}
    ),
    timed as (
        select
            *,
            greatest(
                opens_on, after_previous_on, case when waits_for_live then after_live_on end
            ) as earliest_on
        from joined
    ),
    judged as (
        select
            *,
            greatest(asks_on, earliest_on) as due_from,
            case
                when opens_on is null
                then 'history_incomplete'
                when doses >= dose_no
                then 'given'
                when last_day < {{ as_of() }}
                then 'past'
                when asks_on > {{ as_of() }}
                then 'not_yet'
                when doubt is not null
                then 'history_incomplete'
                when doses < dose_no - 1 and previous_last_day >= {{ as_of() }}
                then 'not_yet'
                when doses < dose_no - 1
                then 'history_incomplete'
                when earliest_on > last_day
                then 'past'
                when earliest_on > {{ as_of() }}
                then 'held'
                else 'due'
            end as state
        from timed
    )
select
    patient_id,
    tag,
    vaccine,
    dose_no,
    state,
    case
        when state = 'given'
        then 'on_record'
        when state = 'history_incomplete'
        then coalesce(doubt, 'an_earlier_dose_is_not_on_record')
        when doses < dose_no - 1
        then 'previous_dose_first'
        when state = 'past' and last_day >= {{ as_of() }}
        then 'closes_before_the_interval_ends'
        when state = 'held' and after_previous_on = earliest_on
        then 'interval_after_previous_dose'
        when state = 'held'
        then 'interval_after_live_vaccine'
    end as reason,
    -- Only of the next dose after those on record can it be told from when.
    case when doubt is null and doses = dose_no - 1 then earliest_on end as earliest_on,
    case when doubt is null and doses = dose_no - 1 then due_from end as due_from,
    last_day,
    case
        when last_day >= {{ as_of() }} then {{ dbt.datediff(as_of(), "last_day", "day") }}
    end as days_left,
    subsidy,
    row_number() over (
        partition by patient_id, tag
        order by case state when 'due' then 0 when 'history_incomplete' then 1 else 2 end, dose_no
    ) as choice,
    evidence_table,
    file_id,
    line_no
from judged
