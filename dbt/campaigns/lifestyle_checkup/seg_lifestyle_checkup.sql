-- Patients with hypertension, or glucose or waist over its threshold: due six calendar months after
-- their last check-up here, at once where there was none.
with
    members as (
        select patient_id, max(since) as since, min(tag) as tag
        from {{ ref("patient_tags") }}
        where
            tag in ('hypertension', 'glucose_over_threshold', 'waist_over_threshold')
            and state = 'has'
        group by patient_id
    )
select
    members.patient_id,
    members.since,
    {{ add_months("checkups.done_on", 6) }} as due_on,
    cast(null as date) as deadline_on,
    members.tag
    || coalesce(', last check-up on ' || cast(checkups.done_on as varchar), '') as evidence
from members
left join {{ ref("last_checkups") }} as checkups on checkups.patient_id = members.patient_id
