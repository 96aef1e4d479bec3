-- One row per patient the clinic ever listed: the newest record, and since when the chart is gone
-- from the list.
with
    listed as (
        select
            {{ patient_id("patients.patient_no") }} as patient_id,
            patients.patient_no,
            patients.sex,
            patients.birth_date,
            patients.is_test,
            coalesce(patients.is_deceased, false)
            or coalesce(patients.deceased_on <= {{ as_of() }}, false) as is_deceased,
            patients.deceased_on,
            patients.care_status,
            patients.last_visit_on,
            'csv' as source,
            files.feed,
            files.is_current,
            files.exported_on as known_on,
            files.precedence,
            patients.file_id,
            patients.line_no
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
            cast(null as {{ dbt.type_string() }}) as feed,
            true as is_current,
            service_month as known_on,
            cast(null as bigint) as precedence,
            file_id,
            line_no
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
                partition by patient_id
                order by
                    case when is_current then 0 else 1 end,
                    known_on desc,
                    precedence desc,
                    file_id desc,
                    line_no desc
            ) as recency
        from records
    ),
    newest_dump as (
        select feed, max(exported_on) as exported_on
        from {{ ref("source_files") }}
        where is_current
        group by feed
    ),
    -- As the newest word on a diagnosis has it: a death entered by mistake can be taken back.
    died as (select distinct patient_id from {{ ref("stg_conditions") }} where outcome = 'died')
select
    ranked.patient_id,
    ranked.patient_no,
    coalesce(ranked.sex, 'unknown') as sex,
    -- A birth that lies ahead is a typing error: the age is unknown, not negative.
    case when ranked.birth_date <= {{ as_of() }} then ranked.birth_date end as birth_date,
    coalesce(ranked.is_test, false) as is_test,
    ranked.is_deceased or died.patient_id is not null as is_deceased,
    ranked.deceased_on,
    coalesce(ranked.care_status, 'active') as care_status,
    case
        when ranked.last_visit_on <= {{ as_of() }} then ranked.last_visit_on
    end as listed_last_visit_on,
    case when not ranked.is_current then newest_dump.exported_on end as vanished_on,
    ranked.source,
    ranked.file_id,
    ranked.line_no
from ranked
left join newest_dump on newest_dump.feed = ranked.feed
left join died on died.patient_id = ranked.patient_id
where ranked.recency = 1
