-- A tag that cannot say why a patient has it must not be held.
select patient_id, tag
from {{ ref("patient_tags") }}
where state = 'has' and (evidence is null or evidence not like '%[%:%]')
