-- One row per screening and patient who is under treatment for what it looks for: a diagnosis
-- that is
-- neither suspected nor past, stands in a claim of the last twelve months or a list, and has no
-- end.
with
    newest as (
        select
            conditions.patient_id,
            conditions.icd10,
            conditions.icd10_second,
            conditions.is_suspected or conditions.is_history as is_no_treatment,
            conditions.outcome,
            conditions.ended_on,
            conditions.claim_month,
            row_number() over (
                partition by
                    conditions.patient_id,
                    conditions.condition_code,
                    conditions.modifiers,
                    conditions.started_on
                order by
                    coalesce(conditions.claim_month, {{ as_of() }}) desc,
                    conditions.file_id desc,
                    conditions.line_no desc
            ) as recency
        from {{ ref("stg_conditions") }} as conditions
    )
select excluded.screening, newest.patient_id, min(newest.icd10) as icd10
from newest
inner join
    {{ ref("screening_excluded_conditions") }} as excluded
    on {{ in_force("excluded") }}
    and (
        substr(newest.icd10, 1, length(excluded.icd10_from))
        between excluded.icd10_from and excluded.icd10_to
        or substr(newest.icd10_second, 1, length(excluded.icd10_from))
        between excluded.icd10_from and excluded.icd10_to
    )
where
    newest.recency = 1
    and not newest.is_no_treatment
    and newest.outcome = 'continued'
    and coalesce(newest.ended_on > {{ as_of() }}, true)
    and coalesce({{ add_months("newest.claim_month", 12) }} >= {{ as_of() }}, true)
group by excluded.screening, newest.patient_id
