-- One row per patient for whom a management fee for lifestyle diseases was ever claimed: the
-- newest.
with
    claimed as (
        select
            procedures.patient_id,
            procedures.act_code,
            procedures.performed_on,
            procedures.file_id,
            procedures.line_no,
            row_number() over (
                partition by procedures.patient_id
                order by
                    procedures.performed_on desc, procedures.file_id desc, procedures.line_no desc
            ) as recency
        from {{ ref("stg_procedures") }} as procedures
        inner join
            {{ ref("lifestyle_fees") }} as fees
            on fees.act_code = procedures.act_code
            and {{ in_force("fees", "procedures.performed_on") }}
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = procedures.patient_id
    )
select patient_id, act_code, performed_on, file_id, line_no
from claimed
where recency = 1
