-- One row per patient, tag and record that put them there: what was read where, against what, by
-- which rule.
select
    tags.patient_id,
    tags.tag,
    tags.state,
    tags.evidence_table as table_name,
    tags.evidence_file_id as file_id,
    tags.evidence_line_no as line_no,
    tags.evidence_on as observed_on,
    tags.evidence_value as value,
    tags.evidence_threshold as threshold,
    rules.rule_version
from {{ ref("patient_tags") }} as tags
left join {{ source("meta", "rule_versions") }} as rules on rules.tag = tags.tag
where tags.evidence_table is not null
