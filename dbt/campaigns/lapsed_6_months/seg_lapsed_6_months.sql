-- Patients whose last visit is six calendar months ago or longer.
select
    patient_id,
    since,
    cast(null as date) as due_on,
    cast(null as date) as deadline_on,
    evidence_value as evidence
from {{ ref("patient_tags") }}
where tag = 'no_visit_6_months' and state = 'has'
