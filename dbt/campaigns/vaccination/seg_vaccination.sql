-- Children whose MR dose is due today or will be within a month, by the dated schedule.
select
    patient_id,
    due_from as since,
    due_from as due_on,
    'dose open from '
    || cast(due_from as varchar)
    || ' to '
    || cast(last_day as varchar)
    || {{ evidence_pointer("evidence_table", "file_id", "line_no") }} as evidence
from {{ ref("vaccine_due") }}
where
    tag = 'mr_due'
    and state in ('due', 'held', 'not_yet')
    and due_from <= {{ add_months(as_of(), 1) }}
