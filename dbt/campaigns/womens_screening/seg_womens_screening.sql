-- Women from 40 to 74.
select
    women.patient_id,
    ages.since,
    cast(null as date) as due_on,
    cast(null as date) as deadline_on,
    ages.evidence_value as evidence
from {{ ref("patient_tags") }} as women
inner join
    {{ ref("patient_tags") }} as ages
    on ages.patient_id = women.patient_id
    and ages.tag in ('age_40_64', 'age_65_74')
    and ages.state = 'has'
where women.tag = 'sex_female' and women.state = 'has'
