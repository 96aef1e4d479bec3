{#
  CTEs up to `sorted`: each diagnosis of today's patients that means a chronic condition, and whether
  it stands, is over, or was never certain or current. condition_status counts them, further_evidence
  points at them.
#}
{% macro condition_records() %}
    -- What a code means is asked once a code, not once a diagnosis: a range is no key to join on.
    codes as (
        select distinct condition_code, icd10, coalesce(icd10_second, '') as icd10_second
        from {{ ref("stg_conditions") }}
    ),
    meanings as (
        select distinct codes.condition_code, codes.icd10, codes.icd10_second, concepts.condition
        from codes
        inner join
            {{ ref("condition_concepts") }} as concepts
            on {{ in_force("concepts") }}
            and (
                substr(codes.icd10, 1, length(concepts.icd10_from))
                between concepts.icd10_from and concepts.icd10_to
                or substr(codes.icd10_second, 1, length(concepts.icd10_from))
                between concepts.icd10_from and concepts.icd10_to
            )
        left join
            {{ ref("condition_excluded_codes") }} as excluded
            on excluded.condition = concepts.condition
            and excluded.condition_code = codes.condition_code
            and {{ in_force("excluded") }}
        where excluded.condition_code is null
    ),
    diagnoses as (
        select
            conditions.patient_id,
            meanings.condition,
            conditions.condition_code,
            conditions.modifiers,
            conditions.started_on,
            conditions.ended_on,
            conditions.claim_month,
            conditions.outcome,
            conditions.is_suspected,
            conditions.is_history,
            conditions.is_provisional,
            conditions.file_id,
            conditions.line_no,
            coalesce(conditions.claim_month, conditions.started_on, {{ as_of() }}) as known_on
        from {{ ref("stg_conditions") }} as conditions
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = conditions.patient_id
        inner join
            meanings
            on meanings.condition_code = conditions.condition_code
            and meanings.icd10 = conditions.icd10
            and meanings.icd10_second = coalesce(conditions.icd10_second, '')
    ),
    closings as (
        select
            patient_id,
            condition_code,
            modifiers,
            started_on,
            -- A list says when it ended; a claim, that it had ended by that month.
            max(greatest(known_on, ended_on)) as closed_on,
            max(case when outcome <> 'died' then greatest(known_on, ended_on) end) as treated_until
        from diagnoses
        where outcome in ('cured', 'stopped', 'died') or ended_on <= {{ as_of() }}
        group by patient_id, condition_code, modifiers, started_on
    ),
    judged as (
        select
            diagnoses.patient_id,
            diagnoses.condition,
            diagnoses.condition_code,
            diagnoses.started_on,
            diagnoses.claim_month,
            diagnoses.known_on,
            diagnoses.is_suspected,
            diagnoses.is_provisional,
            diagnoses.is_history,
            diagnoses.file_id,
            diagnoses.line_no,
            coalesce(closings.closed_on >= diagnoses.known_on, false) as is_closed,
            -- Null where nothing has ended by cure or by stopping, or where it has begun again.
            case
                when closings.treated_until >= diagnoses.known_on then closings.treated_until
            end as ended_on,
            -- Absence from a later month is no cure: a claim speaks for twelve months.
            diagnoses.claim_month is null
            or {{ add_months("diagnoses.claim_month", 12) }} >= {{ as_of() }} as is_recent
        from diagnoses
        left join
            closings
            on closings.patient_id = diagnoses.patient_id
            and closings.condition_code = diagnoses.condition_code
            and closings.modifiers = diagnoses.modifiers
            and closings.started_on is not distinct from diagnoses.started_on
    ),
    sorted as (
        select
            *,
            case
                when is_suspected or is_history
                then 'not current'
                when is_closed or not is_recent
                then 'over'
                else 'standing'
            end as kind
        from judged
    )
{% endmacro %}

{#
  A management fee or a drug of the last twelve months that names the disease. Never required: a clinic
  that prescribes to pharmacies claims no drugs.
#}
{% macro condition_treatments() %}
    select
        procedures.patient_id,
        fees.condition,
        'stg_procedures' as table_name,
        'management fee ' || procedures.act_code as said,
        procedures.performed_on as treated_on,
        procedures.file_id,
        procedures.line_no
    from {{ ref("stg_procedures") }} as procedures
    inner join {{ ref("condition_fees") }} as fees on fees.act_code = procedures.act_code
    where
        {{ add_months("procedures.performed_on", 12) }} > {{ as_of() }}
        and {{ in_force("fees", "procedures.performed_on") }}
    union all
    select
        medications.patient_id,
        drugs.condition,
        'stg_medications' as table_name,
        'drug ' || medications.drug_code as said,
        medications.dispensed_on as treated_on,
        medications.file_id,
        medications.line_no
    from {{ ref("stg_medications") }} as medications
    inner join {{ ref("drug_codes") }} as drugs on drugs.drug_code = medications.drug_code
    where {{ add_months("medications.dispensed_on", 12) }} > {{ as_of() }}
{% endmacro %}
