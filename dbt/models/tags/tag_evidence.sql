-- One row per patient, tag and record that put them there: what was read where, against what, by
-- which rule. The record that the tag names is decisive; the others counted too.
with
    records as (
        select
            patient_id,
            tag,
            state,
            true as is_decisive,
            evidence_table as table_name,
            evidence_file_id as file_id,
            evidence_line_no as line_no,
            evidence_on as observed_on,
            evidence_value as value,
            evidence_threshold as threshold
        from {{ ref("patient_tags") }}
        where evidence_table is not null
        union all
        select
            further.patient_id,
            further.tag,
            tags.state,
            false as is_decisive,
            further.table_name,
            further.file_id,
            further.line_no,
            further.observed_on,
            further.value,
            cast(null as {{ dbt.type_string() }}) as threshold
        from {{ ref("further_evidence") }} as further
        inner join
            {{ ref("patient_tags") }} as tags
            on tags.patient_id = further.patient_id
            and tags.tag = further.tag
            and tags.state = 'has'
            and tags.evidence_table <> 'override'
    )
select
    records.patient_id,
    records.tag,
    records.state,
    records.is_decisive,
    records.table_name,
    records.file_id,
    records.line_no,
    records.observed_on,
    records.value,
    records.threshold,
    rules.rule_version
from records
left join {{ source("meta", "rule_versions") }} as rules on rules.tag = records.tag
