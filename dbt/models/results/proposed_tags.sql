-- One row per wish that many people share and no tag speaks of yet: proposed, waiting for an owner.
-- A choice of one name is one wish, in whichever questionnaires and words it is asked.
-- Nothing is deployed by itself; the tag exists when somebody writes its file.
with
    wishes as (
        select
            'wish_' || choices.choice as proposed_tag,
            max(choices.label) as label_ja,
            count(distinct answers.line_user_id) as people,
            min(answers.answered_on) as first_on,
            max(answers.answered_on) as last_on
        from {{ ref("stg_answers") }} as answers
        inner join
            {{ source("clinic", "choices") }} as choices
            on choices.questionnaire = answers.questionnaire
            and choices.question = answers.question
            and choices.choice = answers.choice
            and choices.is_wish
        group by choices.choice
    )
select
    wishes.proposed_tag,
    wishes.label_ja,
    wishes.people,
    wishes.first_on,
    wishes.last_on,
    'proposed' as status,
    cast(null as varchar) as owner
from wishes
cross join ({{ answer_rule("proposed_tag") }}) as rules
left join {{ ref("tag_catalog") }} as catalog on catalog.tag = wishes.proposed_tag
where wishes.people >= rules.people and catalog.tag is null
