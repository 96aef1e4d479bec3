-- One row per patient and tag by their own answer that the EMR speaks against: both values, each
-- with its date and record. Neither overwrites the other; staff decide.
select
    told.patient_id,
    items.tag,
    told.item,
    'adult_asks_for_children' as finding,
    told.value as said_value,
    told.answered_on as said_on,
    told.file_id as said_event_id,
    'age ' || cast(patients.age_years as varchar) as emr_value,
    cast(null as date) as emr_on,
    'stg_patients' as emr_table,
    patients.file_id as emr_file_id,
    patients.line_no as emr_line_no
from {{ ref("self_reported") }} as told
inner join {{ ref("answer_items") }} as items on items.item = told.item and items.value = told.value
inner join {{ ref("patients_today") }} as patients on patients.patient_id = told.patient_id
where told.is_grown_up and not told.is_for_child
union all
select
    told.patient_id,
    measured.tag,
    told.item,
    'emr_says_otherwise' as finding,
    told.value as said_value,
    told.answered_on as said_on,
    told.file_id as said_event_id,
    measured.value as emr_value,
    latest.observed_on as emr_on,
    'stg_observations' as emr_table,
    latest.file_id as emr_file_id,
    latest.line_no as emr_line_no
from {{ ref("self_reported") }} as told
inner join
    {{ ref("latest_observations") }} as latest
    on latest.patient_id = told.patient_id
    and latest.is_valid
inner join
    {{ ref("answer_items") }} as measured
    on measured.item = told.item
    and measured.emr_item = latest.item
    and measured.emr_value = latest.value
left join
    {{ ref("self_reported") }} as agreeing
    on agreeing.patient_id = told.patient_id
    and agreeing.item = told.item
    and agreeing.value = measured.value
where agreeing.patient_id is null
