-- One row per receipt that counts: per patient-month, kind and payer the newest claim; a returned
-- one stands, provisional, until it is claimed again.
with
    receipts as (
        select
            receipts.file_id,
            receipts.receipt_id,
            receipts.line_no,
            receipts.patient_no,
            {{ patient_id("receipts.patient_no") }} as patient_id,
            receipts.sex,
            receipts.birth_date,
            receipts.service_month,
            receipts.claimed_month,
            receipts.is_inpatient,
            receipts.is_returned,
            receipts.department_code,
            receipts.actual_days,
            row_number() over (
                partition by
                    receipts.facility_code,
                    receipts.points_table,
                    receipts.service_month,
                    receipts.receipt_kind,
                    {{ patient_id("receipts.patient_no") }},
                    receipts.insurer_no
                order by
                    receipts.claimed_month desc,
                    files.exported_on desc,
                    -- Sent and returned on one day: the return came after.
                    case when receipts.is_returned then 0 else 1 end,
                    files.precedence desc,
                    receipts.receipt_id desc
            ) as recency
        from {{ source("landing", "uke_receipts") }} as receipts
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = receipts.file_id
            and files.is_current
        where receipts.patient_no is not null and receipts.service_month <= {{ as_of() }}
    )
select
    file_id,
    receipt_id,
    line_no,
    patient_no,
    patient_id,
    sex,
    birth_date,
    service_month,
    claimed_month,
    is_inpatient,
    is_returned,
    department_code,
    actual_days
from receipts
where recency = 1
