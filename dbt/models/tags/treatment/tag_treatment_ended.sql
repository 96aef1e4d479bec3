-- Had a condition of seed condition_concepts whose newest episode was cured or stopped, and none
-- stands today; unknown at a clinic without diagnoses.
with
    conditions as (
        select
            patient_id,
            condition,
            ended_on,
            file_id,
            line_no,
            max(case when status in ('confirmed', 'provisional') then 1 else 0 end) over (
                partition by patient_id
            ) as is_any_standing,
            row_number() over (
                partition by patient_id order by ended_on desc nulls last, condition
            ) as recency
        from {{ ref("condition_status") }}
    )
select
    patient_id,
    'has' as state,
    ended_on as since,
    {{
        evidence(
            "'stg_conditions'",
            "condition || ' cured or stopped'",
            observed_on="ended_on",
        )
    }}
from conditions
where recency = 1 and ended_on is not null and is_any_standing = 0
union all
{{ unknown_without_diagnoses() }}
