-- One row per LINE account, question and patient the account is: its last answer in the chat. What
-- was said in one's own words stays in the ledger.
select
    answers.line_user_id,
    links.patient_id,
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
left join
    {{ ref("stg_line_links") }} as links
    on links.line_user_id = answers.line_user_id
    and links.relation = 'self'
