-- Patients with hypertension, or glucose or waist over its threshold.
select
    patient_id,
    max(since) as since,
    cast(null as date) as due_on,
    cast(null as date) as deadline_on,
    min(tag) as evidence
from {{ ref("patient_tags") }}
where tag in ('hypertension', 'glucose_over_threshold', 'waist_over_threshold') and state = 'has'
group by patient_id
