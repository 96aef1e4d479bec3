-- One row per diagnosis as claimed or listed, with its ICD-10 code and what its modifiers say of
-- it.
with
    claimed as (
        select
            receipts.patient_id,
            conditions.code as condition_code,
            'mhlw' as code_system,
            coalesce(conditions.modifiers, '') as modifiers,
            false as is_marked_suspected,
            coalesce(conditions.outcome, 'continued') as outcome,
            conditions.started_on,
            cast(null as date) as ended_on,
            receipts.service_month as claim_month,
            conditions.is_main,
            receipts.is_returned as is_provisional,
            conditions.file_id,
            conditions.line_no
        from {{ source("landing", "uke_conditions") }} as conditions
        inner join
            {{ ref("current_receipts") }} as receipts
            on receipts.file_id = conditions.file_id
            and receipts.receipt_id = conditions.receipt_id
    ),
    listed as (
        select
            {{ patient_id("conditions.patient_no") }} as patient_id,
            conditions.code as condition_code,
            coalesce(conditions.code_system, 'mhlw') as code_system,
            '' as modifiers,
            coalesce(conditions.is_suspected, false) as is_marked_suspected,
            coalesce(conditions.outcome, 'continued') as outcome,
            conditions.started_on,
            conditions.ended_on,
            cast(null as date) as claim_month,
            false as is_main,
            false as is_provisional,
            conditions.file_id,
            conditions.line_no
        from {{ source("landing", "conditions") }} as conditions
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = conditions.file_id
            and files.is_current
        where
            coalesce(conditions.started_on, conditions.recorded_on, {{ as_of() }}) <= {{ as_of() }}
    ),
    diagnoses as (
        select *
        from claimed
        union all
        select *
        from listed
    ),
    -- Modifier codes are four digits each, joined: they may only be read in steps of four.
    steps as (
        select cast(n as integer) as n
        from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as numbers(n)
        union all
        select cast(n + 10 as integer) as n
        from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as numbers(n)
    ),
    effects as (
        select
            diagnoses.file_id,
            diagnoses.line_no,
            max(case when modifiers.effect = 'suspected' then 1 else 0 end) as has_suspected,
            max(case when modifiers.effect = 'history' then 1 else 0 end) as has_history
        from diagnoses
        inner join steps on 4 * steps.n < length(diagnoses.modifiers)
        inner join
            {{ ref("condition_modifiers") }} as modifiers
            on modifiers.modifier_code = substr(diagnoses.modifiers, 4 * steps.n + 1, 4)
        group by diagnoses.file_id, diagnoses.line_no
    )
select distinct
    diagnoses.patient_id,
    diagnoses.condition_code,
    diagnoses.code_system,
    case
        when diagnoses.code_system = 'icd10'
        then replace(diagnoses.condition_code, '.', '')
        else codes.icd10
    end as icd10,
    diagnoses.modifiers,
    diagnoses.is_marked_suspected or coalesce(effects.has_suspected, 0) = 1 as is_suspected,
    coalesce(effects.has_history, 0) = 1 as is_history,
    diagnoses.outcome,
    diagnoses.started_on,
    diagnoses.ended_on,
    diagnoses.claim_month,
    diagnoses.is_main,
    diagnoses.is_provisional,
    diagnoses.file_id,
    diagnoses.line_no
from diagnoses
left join effects on effects.file_id = diagnoses.file_id and effects.line_no = diagnoses.line_no
left join
    {{ ref("condition_codes") }} as codes
    on diagnoses.code_system = 'mhlw'
    and codes.condition_code = diagnoses.condition_code
