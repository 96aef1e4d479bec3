-- Has visited 皮膚科 at this clinic; unknown for a patient whose visits all lack a department.
with
    known as (
        select patient_id, max(case when department_group <> '' then 1 else 0 end) as has_department
        from {{ ref("patient_departments") }}
        group by patient_id
    )
select
    visits.patient_id,
    case when visits.department_group = 'dermatology' then 'has' else 'unknown' end as state,
    visits.first_visit_on as since,
    cast(visits.visit_days as varchar)
    || ' visit days, last on '
    || cast(visits.last_visit_on as varchar)
    || {{ evidence_pointer("stg_visits", "visits.file_id", "visits.line_no") }} as evidence
from {{ ref("patient_departments") }} as visits
inner join known on known.patient_id = visits.patient_id
where
    visits.department_group = 'dermatology'
    or (visits.department_group = '' and known.has_department = 0)
