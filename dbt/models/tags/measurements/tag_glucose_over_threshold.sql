-- Is over the dated threshold of seed observation_thresholds by a measurement that is still
-- valid; unknown without one.
select
    patient_id,
    case when status = 'over' then 'has' else 'unknown' end as state,
    observed_on as since,
    case
        when status = 'over'
        then
            item
            || ' '
            || cast(value as varchar)
            || ' '
            || coalesce(unit, '')
            || ' on '
            || cast(observed_on as varchar)
            || ' >= '
            || cast(threshold as varchar)
            || {{ evidence_pointer("stg_observations", "file_id", "line_no") }}
        else 'no valid measurement'
    end as evidence
from {{ ref("observations_over_threshold") }}
where tag = 'glucose_over_threshold' and status in ('over', 'unknown')
