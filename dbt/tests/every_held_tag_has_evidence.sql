-- A tag that cannot say why a patient has it must not be held.
select tags.patient_id, tags.tag
from {{ ref("patient_tags") }} as tags
left join
    {{ ref("tag_evidence") }} as evidence
    on evidence.patient_id = tags.patient_id
    and evidence.tag = tags.tag
    and evidence.is_decisive
where
    tags.state = 'has'
    and (
        evidence.file_id is null
        or evidence.line_no is null
        or coalesce(evidence.value, '') = ''
        or evidence.rule_version is null
    )
