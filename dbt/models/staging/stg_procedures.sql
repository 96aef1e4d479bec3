-- One row per act on a day, from the claim's SI records.
select
    receipts.patient_id,
    acts.code as act_code,
    acts.performed_on,
    cast(sum(acts.occurrences) as bigint) as occurrences,
    min(acts.file_id) as file_id,
    min(acts.line_no) as line_no
from {{ source("landing", "uke_acts") }} as acts
inner join
    {{ ref("current_receipts") }} as receipts
    on receipts.file_id = acts.file_id
    and receipts.receipt_id = acts.receipt_id
where acts.record = 'SI' and acts.performed_on <= {{ as_of() }}
group by receipts.patient_id, acts.code, acts.performed_on
