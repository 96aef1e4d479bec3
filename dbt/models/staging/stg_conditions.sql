-- One row per diagnosis as claimed or listed, with its ICD-10 codes and what its modifiers say of
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
            coalesce(conditions.is_main, false) as is_main,
            receipts.is_returned as is_provisional,
            conditions.file_id,
            conditions.line_no,
            1 as recency
        from {{ source("landing", "uke_conditions") }} as conditions
        inner join
            {{ ref("current_receipts") }} as receipts
            on receipts.file_id = conditions.file_id
            and receipts.receipt_id = conditions.receipt_id
    ),
    -- A list is corrected by its later exports: per entry the newest word counts.
    listed as (
        select
            {{ patient_id("conditions.patient_no") }} as patient_id,
            upper(replace(conditions.code, '.', '')) as condition_code,
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
            conditions.line_no,
            row_number() over (
                partition by
                    {{ patient_id("conditions.patient_no") }},
                    upper(replace(conditions.code, '.', '')),
                    coalesce(conditions.code_system, 'mhlw'),
                    coalesce(conditions.is_suspected, false),
                    conditions.started_on
                order by files.precedence desc, conditions.line_no desc
            ) as recency
        from {{ source("landing", "conditions") }} as conditions
        inner join
            {{ ref("source_files") }} as files
            on files.file_id = conditions.file_id
            and files.is_current
        where coalesce(conditions.recorded_on, {{ as_of() }}) <= {{ as_of() }}
    ),
    diagnoses as (
        select *
        from claimed
        union all
        select *
        from listed
    ),
    -- Modifier codes are four digits each, up to twenty, joined: read in steps of four only, or
    -- two neighbours look like a third.
    steps as (
        {% for step in range(20) %}
            select {{ 4 * step + 1 }} as first_digit
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),
    effects as (
        select
            diagnoses.file_id,
            diagnoses.line_no,
            max(case when modifiers.effect = 'suspected' then 1 else 0 end) as has_suspected,
            max(case when modifiers.effect = 'history' then 1 else 0 end) as has_history
        from diagnoses
        inner join steps on steps.first_digit <= length(diagnoses.modifiers)
        inner join
            {{ ref("condition_modifiers") }} as modifiers
            on modifiers.modifier_code = substr(diagnoses.modifiers, steps.first_digit, 4)
            and {{ in_force("modifiers") }}
        group by diagnoses.file_id, diagnoses.line_no
    )
select
    diagnoses.patient_id,
    diagnoses.condition_code,
    diagnoses.code_system,
    case
        when diagnoses.code_system = 'icd10' then diagnoses.condition_code else codes.icd10
    end as icd10,
    codes.icd10_second,
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
where diagnoses.recency = 1 and coalesce(diagnoses.started_on, {{ as_of() }}) <= {{ as_of() }}
