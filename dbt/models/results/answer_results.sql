-- One row per question, answer and tag of those who answered, and one for all of them together: how
-- many people, and their share of the question. Groups that are too small show no number.
with
    told as (
        select distinct line_user_id, patient_id, questionnaire, question, choice, answered_on
        from {{ ref("stg_answers") }}
    ),
    groups as (
        select told.*, cast(null as varchar) as tag
        from told
        union all
        select told.*, tags.tag
        from told
        inner join
            {{ ref("patient_tags") }} as tags
            on tags.patient_id = told.patient_id
            and tags.state = 'has'
    ),
    counted as (
        select
            questionnaire,
            question,
            choice,
            tag,
            count(distinct line_user_id) as people,
            min(answered_on) as first_on,
            max(answered_on) as last_on
        from groups
        group by questionnaire, question, choice, tag
    ),
    of_all as (
        select questionnaire, question, tag, count(distinct line_user_id) as people
        from groups
        group by questionnaire, question, tag
    ),
    limits as ({{ answer_rule("smallest_group") }})
select
    counted.questionnaire,
    choices.campaign,
    counted.question,
    counted.choice,
    coalesce(choices.label, case when counted.choice is null then '自由記述' end) as label,
    counted.tag,
    case when counted.people >= limits.people then counted.people end as people,
    case
        when counted.people >= limits.people then cast(counted.people as double) / of_all.people
    end as share,
    counted.people < limits.people as is_suppressed,
    counted.first_on,
    counted.last_on
from counted
inner join
    of_all
    on of_all.questionnaire = counted.questionnaire
    and of_all.question = counted.question
    and of_all.tag is not distinct from counted.tag
cross join limits
left join
    {{ source("clinic", "choices") }} as choices
    on choices.questionnaire = counted.questionnaire
    and choices.question = counted.question
    and choices.choice = counted.choice
