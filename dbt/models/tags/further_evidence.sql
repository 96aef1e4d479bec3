-- One row per patient, tag and record that counted beside the one the tag names: of a mean of two
-- readings the earlier one; of a confirmed condition the other claims, and the fees and drugs that
-- name it; of a frequent visitor the other days.
{{ config(materialized="view") }}
with
    {{ condition_records() }},
    confirmed as (
        select patient_id, condition, file_id, line_no
        from {{ ref("condition_status") }}
        where status = 'confirmed'
    )
select
    measured.patient_id,
    measured.tag,
    'stg_observations' as table_name,
    latest.previous_file_id as file_id,
    latest.previous_line_no as line_no,
    latest.previous_observed_on as observed_on,
    latest.item
    || ' '
    || cast(latest.previous_value as {{ dbt.type_string() }})
    || coalesce(' ' || nullif(latest.unit, ''), '') as value
from {{ ref("observations_over_threshold") }} as measured
inner join
    {{ ref("latest_observations") }} as latest
    on latest.patient_id = measured.patient_id
    and latest.item = measured.item
where measured.status = 'over' and measured.readings is not null
union all
select
    sorted.patient_id,
    sorted.condition as tag,
    'stg_conditions' as table_name,
    sorted.file_id,
    sorted.line_no,
    sorted.known_on as observed_on,
    'diagnosed ' || sorted.condition_code as value
from sorted
inner join
    confirmed on confirmed.patient_id = sorted.patient_id and confirmed.condition = sorted.condition
where
    sorted.kind = 'standing'
    and not sorted.is_provisional
    and (sorted.file_id <> confirmed.file_id or sorted.line_no <> confirmed.line_no)
union all
select
    treatments.patient_id,
    treatments.condition as tag,
    treatments.table_name,
    treatments.file_id,
    treatments.line_no,
    treatments.treated_on as observed_on,
    treatments.said as value
from ({{ condition_treatments() }}) as treatments
inner join
    confirmed
    on confirmed.patient_id = treatments.patient_id
    and confirmed.condition = treatments.condition
union all
select
    visits.patient_id,
    'visits_frequent' as tag,
    'stg_visits' as table_name,
    visits.file_id,
    visits.line_no,
    visits.visited_on as observed_on,
    'visit' as value
from {{ ref("stg_visits") }} as visits
inner join
    {{ ref("patients_today") }} as patients
    on patients.patient_id = visits.patient_id
    and patients.last_visit_on > visits.visited_on
where {{ add_months("visits.visited_on", 12) }} > {{ as_of() }}
