-- One row per proposed tag and answer that speaks for it.
select
    proposed.proposed_tag,
    answers.line_user_id,
    answers.patient_id,
    answers.answered_on,
    'stg_answers' as evidence_table,
    answers.file_id as evidence_file_id,
    answers.line_no as evidence_line_no
from {{ ref("proposed_tags") }} as proposed
inner join {{ ref("stg_answers") }} as answers on 'wish_' || answers.choice = proposed.proposed_tag
inner join
    {{ source("clinic", "choices") }} as choices
    on choices.questionnaire = answers.questionnaire
    and choices.question = answers.question
    and choices.choice = answers.choice
    and choices.is_wish
