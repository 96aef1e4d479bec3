-- One row per patient and chronic condition: confirmed, provisional, suspected only or resolved,
-- since when it is over, and on what evidence.
with
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
            on substr(codes.icd10, 1, length(concepts.icd10_from))
            between concepts.icd10_from and concepts.icd10_to
            or substr(codes.icd10_second, 1, length(concepts.icd10_from))
            between concepts.icd10_from and concepts.icd10_to
        left join
            {{ ref("condition_excluded_codes") }} as excluded
            on excluded.condition = concepts.condition
            and excluded.condition_code = codes.condition_code
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
    ),
    standing as (
        select
            *,
            kind = 'standing' as is_standing,
            row_number() over (
                partition by patient_id, condition, kind
                order by
                    coalesce(ended_on, known_on) desc, known_on desc, file_id desc, line_no desc
            ) as recency
        from sorted
    ),
    -- A management fee or a drug that names the disease. Never required: a clinic that
    -- prescribes to pharmacies claims no drugs.
    treated as (
        select procedures.patient_id, fees.condition
        from {{ ref("stg_procedures") }} as procedures
        inner join {{ ref("condition_fees") }} as fees on fees.act_code = procedures.act_code
        where {{ add_months("procedures.performed_on", 12) }} > {{ as_of() }}
        union
        select medications.patient_id, drugs.condition
        from {{ ref("stg_medications") }} as medications
        inner join {{ ref("drug_codes") }} as drugs on drugs.drug_code = medications.drug_code
        where {{ add_months("medications.dispensed_on", 12) }} > {{ as_of() }}
    ),
    counted as (
        select
            standing.patient_id,
            standing.condition,
            count(case when is_standing then 1 end) as standing_rows,
            count(
                distinct case when is_standing and not is_provisional then claim_month end
            ) as claim_months,
            count(
                case when is_standing and claim_month is null and not is_provisional then 1 end
            ) as listed_rows,
            count(case when is_standing and not is_provisional then 1 end) as settled_rows,
            count(
                case when is_suspected and not is_closed and is_recent then 1 end
            ) as suspected_rows,
            min(case when is_standing then coalesce(started_on, claim_month) end) as standing_since,
            min(coalesce(started_on, claim_month)) as first_on,
            max(known_on) as last_on,
            max(case when kind = 'over' then ended_on end) as ended_on,
            max(case when kind = 'over' and ended_on is null then known_on end) as lapsed_on,
            max(case when is_standing and recency = 1 then file_id end) as standing_file_id,
            max(case when is_standing and recency = 1 then line_no end) as standing_line_no,
            max(case when kind = 'over' and recency = 1 then file_id end) as over_file_id,
            max(case when kind = 'over' and recency = 1 then line_no end) as over_line_no,
            max(
                case when kind = 'not current' and recency = 1 then file_id end
            ) as not_current_file_id,
            max(
                case when kind = 'not current' and recency = 1 then line_no end
            ) as not_current_line_no,
            max(case when treated.condition is not null then 1 else 0 end) = 1 as has_treatment
        from standing
        left join
            treated
            on treated.patient_id = standing.patient_id
            and treated.condition = standing.condition
        group by standing.patient_id, standing.condition
    ),
    decided as (
        select
            counted.patient_id,
            counted.condition,
            case
                when counted.listed_rows > 0
                then 'confirmed'
                when counted.claim_months >= profile.min_confirm_months
                then 'confirmed'
                when counted.settled_rows > 0 and counted.has_treatment
                then 'confirmed'
                when counted.standing_rows > 0
                then 'provisional'
                when counted.suspected_rows > 0
                then 'suspected_only'
                else 'resolved'
            end as status,
            coalesce(counted.standing_since, counted.first_on) as since,
            counted.last_on,
            -- The newest episode has ended by cure or by stopping, and none stands.
            case
                when
                    counted.standing_rows = 0
                    and counted.ended_on > coalesce(counted.lapsed_on, cast('0001-01-01' as date))
                then counted.ended_on
            end as ended_on,
            counted.claim_months,
            counted.has_treatment,
            coalesce(
                counted.standing_file_id, counted.over_file_id, counted.not_current_file_id
            ) as file_id,
            coalesce(
                counted.standing_line_no, counted.over_line_no, counted.not_current_line_no
            ) as line_no
        from counted
        cross join {{ source("clinic", "profile") }} as profile
    )
select
    patient_id,
    condition,
    status,
    since,
    last_on,
    ended_on,
    claim_months,
    has_treatment,
    file_id,
    line_no
from decided
