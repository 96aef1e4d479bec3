-- Has at least one condition of seed condition_concepts confirmed and standing; unknown at a
-- clinic without diagnoses.
with
    confirmed as (
        select
            patient_id,
            condition,
            last_on,
            claim_months,
            file_id,
            line_no,
            min(since) over (partition by patient_id) as since,
            row_number() over (partition by patient_id order by last_on desc, condition) as recency
        from {{ ref("condition_status") }}
        where status = 'confirmed'
    )
select
    patient_id,
    'has' as state,
    since,
    {{
        evidence(
            "'stg_conditions'",
            "condition || ' diagnosed in ' || cast(claim_months as varchar) || ' claim months'",
            observed_on="last_on",
        )
    }}
from confirmed
where recency = 1
union all
{{ unknown_without_diagnoses() }}
