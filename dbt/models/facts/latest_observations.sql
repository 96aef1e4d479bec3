-- One row per patient and item: the latest value and whether it is still valid, the one before
-- where
-- that is valid too, and the mean of the valid ones.
with
    readings as (
        select
            observations.patient_id,
            observations.item,
            observations.observed_on,
            observations.value,
            observations.unit,
            observations.file_id,
            observations.line_no,
            {{ add_months("observations.observed_on", "items.validity_months") }}
            >= {{ as_of() }} as is_valid,
            row_number() over (
                partition by observations.patient_id, observations.item
                order by
                    observations.observed_on desc,
                    observations.precedence desc,
                    observations.line_no desc
            ) as recency
        from {{ ref("stg_observations") }} as observations
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = observations.patient_id
        inner join
            {{ ref("observation_items") }} as items
            on items.item = observations.item
            and {{ in_force("items") }}
    )
select
    patient_id,
    item,
    max(case when recency = 1 then observed_on end) as observed_on,
    max(case when recency = 1 then value end) as value,
    avg(case when is_valid then value end) as mean_last_2,
    max(case when recency = 2 and is_valid then observed_on end) as previous_observed_on,
    max(case when recency = 2 and is_valid then value end) as previous_value,
    max(case when recency = 2 and is_valid then file_id end) as previous_file_id,
    max(case when recency = 2 and is_valid then line_no end) as previous_line_no,
    max(case when recency = 1 and is_valid then 1 else 0 end) = 1 as is_valid,
    max(case when recency = 1 then unit end) as unit,
    max(case when recency = 1 then file_id end) as file_id,
    max(case when recency = 1 then line_no end) as line_no
from readings
where recency <= 2
group by patient_id, item
