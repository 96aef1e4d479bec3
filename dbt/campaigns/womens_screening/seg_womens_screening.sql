-- Women due for a breast or a cervical screening by what is on record here, one row for both,
-- without
-- those under treatment for what it looks for.
select
    tags.patient_id,
    min(tags.since) as since,
    cast(null as date) as due_on,
    cast(null as date) as deadline_on,
    string_agg(tags.tag, ', ' order by tags.tag) as evidence
from {{ ref("patient_tags") }} as tags
left join
    {{ ref("screening_exclusions") }} as exclusions
    on exclusions.screening = 'womens'
    and exclusions.patient_id = tags.patient_id
where
    tags.tag in ('breast_screening_due', 'cervical_screening_due')
    and tags.state = 'has'
    and exclusions.patient_id is null
group by tags.patient_id
