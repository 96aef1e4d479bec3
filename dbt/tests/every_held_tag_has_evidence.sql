-- A tag that cannot say why a patient has it must not be held.
select patient_id, tag
from {{ ref("patient_tags") }}
where evidence is null or evidence = '' or evidence not like '%[%:%]'
