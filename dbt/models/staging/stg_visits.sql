-- One row per patient, day and department: the reception list, else the claim's visit days, else
-- the listed last visit.
with
    reception as (
        select
            {{ patient_id("visits.patient_no") }} as patient_id,
            visits.visited_on,
            coalesce(departments.department_code, '') as department_code,
            visits.status,
            visits.file_id,
            visits.line_no,
            row_number() over (
                partition by
                    {{ patient_id("visits.patient_no") }},
                    visits.visited_on,
                    coalesce(departments.department_code, '')
                order by
                    files.precedence desc,
                    case when visits.status = 'cancelled' then 1 else 0 end,
                    visits.line_no desc
            ) as recency
        from {{ source("landing", "visits") }} as visits
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = visits.file_id
            and files.is_current
        left join
            {{ source("clinic", "departments") }} as departments
            on departments.local_name = visits.department
        where visits.visited_on <= {{ as_of() }}
    ),
    claimed as (
        select
            receipts.patient_id,
            days.visited_on,
            coalesce(receipts.department_code, '') as department_code,
            days.file_id,
            days.line_no
        from {{ ref("current_receipts") }} as receipts
        inner join
            {{ source("landing", "uke_visit_days") }} as days
            on days.file_id = receipts.file_id
            and days.receipt_id = receipts.receipt_id
        where not receipts.is_inpatient and days.visited_on <= {{ as_of() }}
    ),
    visits as (
        select
            patient_id,
            visited_on,
            department_code,
            1 as source_rank,
            'csv' as source,
            file_id,
            line_no
        from reception
        where recency = 1 and coalesce(status, 'completed') <> 'cancelled'
        union all
        select patient_id, visited_on, department_code, 2, 'uke', file_id, line_no
        from claimed
        union all
        select patient_id, listed_last_visit_on, '', 3, 'listed', file_id, line_no
        from {{ ref("stg_patients") }}
        where listed_last_visit_on <= {{ as_of() }}
    ),
    ranked as (
        select
            *,
            row_number() over (
                partition by patient_id, visited_on, department_code
                order by source_rank, file_id, line_no
            ) as choice,
            -- A visit whose department nobody wrote down is the same visit as one that has it.
            max(department_code) over (partition by patient_id, visited_on) as known_department
        from visits
    ),
    usual as (
        select departments.department_code
        from {{ source("clinic", "default_department") }} as chosen
        inner join
            {{ source("clinic", "departments") }} as departments
            on departments.local_name = chosen.local_name
    )
select
    ranked.patient_id,
    ranked.visited_on,
    -- The clinic's usual department stands only where no source names one for that day.
    coalesce(nullif(ranked.department_code, ''), usual.department_code, '') as department_code,
    ranked.source,
    ranked.file_id,
    ranked.line_no
from ranked
left join usual on true
where ranked.choice = 1 and (ranked.department_code <> '' or ranked.known_department = '')
