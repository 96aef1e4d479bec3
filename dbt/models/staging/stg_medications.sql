-- One row per drug of a claim and day it was dispensed on (IY records); a clinic that prescribes
-- to pharmacies has none.
select
    receipts.patient_id,
    acts.code as drug_code,
    acts.performed_on as dispensed_on,
    acts.file_id,
    acts.line_no
from {{ source("landing", "uke_acts") }} as acts
inner join
    {{ ref("current_receipts") }} as receipts
    on receipts.file_id = acts.file_id
    and receipts.receipt_id = acts.receipt_id
where acts.record = 'IY' and acts.performed_on <= {{ as_of() }}
