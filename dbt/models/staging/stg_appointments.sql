-- One row per patient, day and department that is booked, or was and they came; the newest record
-- of
-- a booking wins.
with
    ranked as (
        select
            {{ patient_id("appointments.patient_no") }} as patient_id,
            appointments.scheduled_on,
            coalesce(departments.department_code, '') as department_code,
            appointments.status,
            appointments.file_id,
            appointments.line_no,
            row_number() over (
                partition by
                    {{ patient_id("appointments.patient_no") }},
                    appointments.scheduled_on,
                    coalesce(departments.department_code, '')
                order by
                    files.precedence desc,
                    -- One booking of a day moved and the other called off: still booked.
                    case when coalesce(appointments.status, 'booked') = 'booked' then 0 else 1 end,
                    appointments.line_no desc
            ) as recency
        from {{ source("landing", "appointments") }} as appointments
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = appointments.file_id
            and files.is_current
        left join
            {{ source("clinic", "departments") }} as departments
            on departments.local_name = appointments.department
        where appointments.scheduled_on is not null
    )
select
    patient_id,
    scheduled_on,
    department_code,
    coalesce(status, 'booked') as status,
    file_id,
    line_no
from ranked
where recency = 1 and coalesce(status, 'booked') <> 'cancelled'
