-- One row per patient the clinic ever listed: the newest record, and since when the chart is gone
-- from the list.
with
    listed as (
        select
            {{ patient_id("patients.patient_no") }} as patient_id,
            patients.patient_no,
            patients.sex,
            patients.birth_date,
            coalesce(patients.is_test, false) as is_test,
            coalesce(patients.is_deceased, false)
            or patients.deceased_on <= {{ as_of() }} as is_deceased,
            patients.deceased_on,
            coalesce(patients.care_status, 'active') as care_status,
            patients.last_visit_on,
            'csv' as source,
            patients.file_id,
            patients.line_no,
            files.feed,
            files.is_current,
            files.exported_on
        from {{ source("landing", "patients") }} as patients
        inner join {{ ref("source_files") }} as files on files.file_id = patients.file_id
    ),
    claimed as (
        select
            patient_id,
            patient_no,
            sex,
            birth_date,
            false as is_test,
            false as is_deceased,
            cast(null as date) as deceased_on,
            'active' as care_status,
            cast(null as date) as last_visit_on,
            'uke' as source,
            file_id,
            line_no,
            'uke' as feed,
            true as is_current,
            service_month as exported_on
        from {{ ref("current_receipts") }}
        -- A clinic with a patient list is described by it alone.
        where not exists (select 1 from listed)
    ),
    records as (
        select *
        from listed
        union all
        select *
        from claimed
    ),
    ranked as (
        select
            *,
            row_number() over (
                partition by patient_id order by exported_on desc, file_id desc, line_no desc
            ) as recency
        from records
    ),
    newest_dump as (
        select feed, max(exported_on) as exported_on
        from {{ ref("source_files") }}
        where is_current
        group by feed
    ),
    died as (
        select distinct receipts.patient_id
        from {{ ref("current_receipts") }} as receipts
        inner join
            {{ source("landing", "uke_conditions") }} as conditions
            on conditions.file_id = receipts.file_id
            and conditions.receipt_id = receipts.receipt_id
        where conditions.outcome = 'died'
    )
select
    ranked.patient_id,
    ranked.patient_no,
    coalesce(ranked.sex, 'unknown') as sex,
    ranked.birth_date,
    ranked.is_test,
    coalesce(ranked.is_deceased, false) or died.patient_id is not null as is_deceased,
    ranked.deceased_on,
    ranked.care_status,
    ranked.last_visit_on as listed_last_visit_on,
    case when not ranked.is_current then newest_dump.exported_on end as vanished_on,
    ranked.source,
    ranked.file_id,
    ranked.line_no
from ranked
left join newest_dump on newest_dump.feed = ranked.feed
left join died on died.patient_id = ranked.patient_id
where ranked.recency = 1
