-- One row per patient the clinic lists today: age by the Japanese age law, school year, visits,
-- next booking, flags.
with
    patients as (
        select
            patient_id,
            sex,
            birth_date,
            is_test,
            is_deceased,
            care_status,
            file_id,
            line_no,
            -- Age n is reached the day before the birthday, so tomorrow's date is compared.
            extract(year from {{ add_days(as_of(), 1) }})
            - extract(year from birth_date)
            - case
                when
                    100 * extract(month from {{ add_days(as_of(), 1) }})
                    + extract(day from {{ add_days(as_of(), 1) }})
                    < 100 * extract(month from birth_date) + extract(day from birth_date)
                then 1
                else 0
            end as age_years,
            -- A school year holds who is born from 2 April to 1 April: the birthday that falls
            -- into it is the age of a grade.
            extract(year from {{ fiscal_year_start(as_of()) }})
            - extract(year from birth_date)
            + case
                when 100 * extract(month from birth_date) + extract(day from birth_date) < 402
                then 1
                else 0
            end as school_age
        from {{ ref("stg_patients") }}
        where vanished_on is null
    ),
    visit_days as (
        select
            patient_id,
            min(visited_on) as first_visit_on,
            max(visited_on) as last_visit_on,
            -- Two departments on one day are one visit day.
            count(
                distinct case
                    when {{ add_months("visited_on", 12) }} > {{ as_of() }} then visited_on
                end
            ) as visits_12_months
        from {{ ref("stg_visits") }}
        group by patient_id
    ),
    -- Only the first and the last day are pointed at: the many between need no order.
    visit_records as (
        select
            days.patient_id,
            days.first_visit_on,
            days.last_visit_on,
            days.visits_12_months,
            visits.visited_on,
            visits.file_id,
            visits.line_no,
            row_number() over (
                partition by days.patient_id, visits.visited_on
                order by visits.file_id, visits.line_no
            ) as choice
        from visit_days as days
        inner join
            {{ ref("stg_visits") }} as visits
            on visits.patient_id = days.patient_id
            and visits.visited_on in (days.first_visit_on, days.last_visit_on)
    ),
    visits as (
        select
            patient_id,
            first_visit_on,
            last_visit_on,
            visits_12_months,
            max(case when visited_on = first_visit_on then file_id end) as first_visit_file_id,
            max(case when visited_on = first_visit_on then line_no end) as first_visit_line_no,
            max(case when visited_on = last_visit_on then file_id end) as last_visit_file_id,
            max(case when visited_on = last_visit_on then line_no end) as last_visit_line_no
        from visit_records
        where choice = 1
        group by patient_id, first_visit_on, last_visit_on, visits_12_months
    ),
    bookings as (
        select patient_id, min(scheduled_on) as next_appointment_on
        from {{ ref("stg_appointments") }}
        where scheduled_on >= {{ as_of() }} and status = 'booked'
        group by patient_id
    )
select
    patients.patient_id,
    patients.sex,
    patients.birth_date,
    cast(patients.age_years as integer) as age_years,
    bands.age_band,
    -- The first year is under way from birth, not from its eve.
    greatest(
        cast({{ age_reached_on("patients.birth_date", "bands.min_age") }} as date),
        patients.birth_date
    ) as age_band_since,
    cast(patients.school_age as integer) as school_age,
    visits.first_visit_on,
    visits.last_visit_on,
    cast(coalesce(visits.visits_12_months, 0) as integer) as visits_12_months,
    bookings.next_appointment_on,
    patients.is_deceased,
    patients.is_test,
    patients.care_status,
    patients.file_id,
    patients.line_no,
    visits.first_visit_file_id,
    visits.first_visit_line_no,
    visits.last_visit_file_id,
    visits.last_visit_line_no
from patients
left join
    {{ ref("age_bands") }} as bands
    on patients.age_years between bands.min_age and bands.max_age
    and {{ in_force("bands") }}
left join visits on visits.patient_id = patients.patient_id
left join bookings on bookings.patient_id = patients.patient_id
