-- （誰に送るかを英語の1文で書く）
select
    patient_id,
    since,
    cast(null as date) as due_on,
    cast(null as date) as deadline_on,
    evidence_value as evidence
from {{ ref("patient_tags") }}
where tag = '@TAG@' and state = 'has'
