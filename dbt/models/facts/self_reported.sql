-- One row per patient, item they told of in the chat, and value: the newest answer, and all of it
-- where several were chosen. A parent of a child here who asks for what is for children asks for
-- the child.
with
    ranked as (
        select distinct
            answers.patient_id,
            answers.line_user_id,
            answers.item,
            answers.value,
            answers.answered_on,
            answers.file_id,
            answers.line_no,
            rank() over (
                partition by answers.patient_id, answers.item
                order by answers.answered_at desc, answers.file_id desc
            ) as recency
        from {{ ref("stg_answers") }} as answers
        where answers.patient_id is not null and answers.item is not null
    ),
    parents as (
        select distinct links.line_user_id
        from {{ ref("stg_line_links") }} as links
        inner join
            {{ ref("patients_today") }} as children
            on children.patient_id = links.patient_id
            and children.age_years < 16
        where links.relation <> 'self'
    )
select
    ranked.patient_id,
    ranked.item,
    ranked.value,
    ranked.answered_on,
    items.is_for_children and patients.age_years >= 16 as is_grown_up,
    items.is_for_children
    and patients.age_years >= 16
    and parents.line_user_id is not null as is_for_child,
    ranked.file_id,
    ranked.line_no
from ranked
inner join {{ ref("patients_today") }} as patients on patients.patient_id = ranked.patient_id
inner join
    {{ ref("answer_items") }} as items on items.item = ranked.item and items.value = ranked.value
left join parents on parents.line_user_id = ranked.line_user_id
where ranked.recency = 1
