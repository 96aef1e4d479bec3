-- One row per patient and department group they have visited; '' where nobody wrote a department
-- down.
with
    visits as (
        select
            visits.patient_id,
            coalesce(groups.department_group, '') as department_group,
            visits.visited_on,
            visits.file_id,
            visits.line_no,
            row_number() over (
                partition by visits.patient_id, coalesce(groups.department_group, '')
                order by visits.visited_on desc, visits.file_id desc, visits.line_no desc
            ) as recency
        from {{ ref("stg_visits") }} as visits
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = visits.patient_id
        left join
            {{ ref("department_groups") }} as groups
            on groups.department_code = visits.department_code
            and {{ in_force("groups") }}
    )
select
    patient_id,
    department_group,
    -- Does any visit of theirs name a department? Then '' says nothing about the others.
    max(max(department_group)) over (partition by patient_id) <> '' as has_department,
    min(visited_on) as first_visit_on,
    max(visited_on) as last_visit_on,
    count(distinct visited_on) as visit_days,
    max(case when recency = 1 then file_id end) as file_id,
    max(case when recency = 1 then line_no end) as line_no
from visits
group by patient_id, department_group
