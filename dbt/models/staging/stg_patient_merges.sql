-- One row per chart that was merged into another: where what concerned it is to be looked for now,
-- through as many as four merges in a row.
with
    ranked as (
        select
            {{ patient_id("merges.patient_no") }} as patient_id,
            {{ patient_id("merges.into_patient_no") }} as into_patient_id,
            merges.merged_on,
            merges.file_id,
            merges.line_no,
            row_number() over (
                partition by {{ patient_id("merges.patient_no") }}
                order by files.precedence desc, merges.line_no desc
            ) as recency
        from {{ source("landing", "patient_merges") }} as merges
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = merges.file_id
            and files.is_current
        where
            merges.into_patient_no is not null
            and coalesce(merges.merged_on, {{ as_of() }}) <= {{ as_of() }}
    ),
    merges as (select * from ranked where recency = 1)
select
    merges.patient_id,
    coalesce(
        fourth.into_patient_id,
        third.into_patient_id,
        second.into_patient_id,
        merges.into_patient_id
    ) as into_patient_id,
    merges.merged_on,
    merges.file_id,
    merges.line_no
from merges
left join merges as second on second.patient_id = merges.into_patient_id
left join merges as third on third.patient_id = second.into_patient_id
left join merges as fourth on fourth.patient_id = third.into_patient_id
