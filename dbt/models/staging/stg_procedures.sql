-- One row per act of a claim and day it was performed on (SI records).
select
    receipts.patient_id,
    acts.code as act_code,
    acts.performed_on,
    acts.occurrences,
    acts.file_id,
    acts.line_no
from {{ source("landing", "uke_acts") }} as acts
inner join
    {{ ref("current_receipts") }} as receipts
    on receipts.file_id = acts.file_id
    and receipts.receipt_id = acts.receipt_id
where acts.record = 'SI' and acts.performed_on <= {{ as_of() }}
