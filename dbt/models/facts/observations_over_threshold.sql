-- One row per patient and threshold tag: over it (below it, where the seed says so), not so, or
-- not to be told, and by which measurement; `readings` are the two that a mean is of.
with
    limits as (
        select tag, item, sex, threshold, comparison, unit
        from {{ ref("observation_thresholds") }} as thresholds
        where {{ in_force("thresholds") }}
    ),
    wanted as (
        select patients.patient_id, tags.tag
        from {{ ref("patients_today") }} as patients
        cross join (select distinct tag from limits) as tags
    ),
    -- From what was measured, not from what could be: most patients have few measurements.
    compared as (
        select
            latest.patient_id,
            limits.tag,
            limits.item,
            limits.threshold,
            limits.comparison,
            -- Blood pressure swings: the mean of the last two readings speaks, one reading for
            -- itself.
            case
                when limits.item in ('sbp_mmhg', 'dbp_mmhg')
                then latest.mean_last_2
                else latest.value
            end as value,
            case
                when limits.item in ('sbp_mmhg', 'dbp_mmhg')
                then
                    cast(latest.value as {{ dbt.type_string() }})
                    || ' and '
                    || cast(latest.previous_value as {{ dbt.type_string() }})
                    || ' on '
                    || cast(latest.previous_observed_on as {{ dbt.type_string() }})
            end as readings,
            latest.unit,
            latest.observed_on,
            latest.file_id,
            latest.line_no
        from {{ ref("latest_observations") }} as latest
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = latest.patient_id
        inner join limits on limits.item = latest.item and limits.sex in ('any', patients.sex)
        where latest.is_valid
    ),
    judged as (
        select
            *,
            case
                comparison when '>=' then value >= threshold when '<' then value < threshold
            end as is_over
        from compared
    ),
    ranked as (
        select
            *,
            row_number() over (
                partition by patient_id, tag
                order by case when is_over then 0 else 1 end, observed_on desc, item
            ) as choice
        from judged
    )
select
    wanted.patient_id,
    wanted.tag,
    case
        when ranked.is_over then 'over' when ranked.is_over is null then 'unknown' else 'under'
    end as status,
    ranked.item,
    ranked.value,
    ranked.readings,
    ranked.threshold,
    ranked.comparison,
    ranked.unit,
    ranked.observed_on,
    ranked.file_id,
    ranked.line_no
from wanted
left join
    ranked
    on ranked.patient_id = wanted.patient_id
    and ranked.tag = wanted.tag
    and ranked.choice = 1
