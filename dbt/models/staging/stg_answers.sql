-- One row per LINE account, question and choice of its last answer in the chat (where several may
-- be chosen, all of them), of the one patient the account is. An account that is several has
-- answered for nobody knows whom. What was said in one's own
-- words stays in the ledger.
with
    selves as (
        select line_user_id, min(patient_id) as patient_id
        from {{ ref("stg_line_links") }}
        where relation = 'self'
        group by line_user_id
        having count(*) = 1
    )
select
    answers.line_user_id,
    selves.patient_id,
    answers.questionnaire,
    answers.version,
    answers.question,
    answers.choice,
    answers.item,
    answers.value,
    answers.answered_on,
    answers.answered_at,
    answers.event_id as file_id,
    cast(0 as bigint) as line_no
from {{ source("ledger", "chat_answers") }} as answers
left join selves on selves.line_user_id = answers.line_user_id
