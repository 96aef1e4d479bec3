-- Patients with a measurement of the last sixty days that is over its threshold.
select
    patient_id,
    max(since) as since,
    cast(null as date) as due_on,
    cast(null as date) as deadline_on,
    string_agg(tag, ', ' order by tag) as evidence
from {{ ref("patient_tags") }}
where
    tag in (
        'blood_pressure_over_threshold',
        'glucose_over_threshold',
        'lipids_over_threshold',
        'waist_over_threshold'
    )
    and state = 'has'
    and {{ add_days("since", 60) }} >= {{ as_of() }}
group by patient_id
