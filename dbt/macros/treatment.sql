{# A clinic that exports no diagnoses: of every patient it cannot be told. #}
{% macro unknown_without_diagnoses() %}
    select
        patients.patient_id,
        'unknown' as state,
        cast(null as date) as since,
        {{
            evidence(
                "'stg_patients'",
                "'no diagnoses are exported'",
                file_id="patients.file_id",
                line_no="patients.line_no",
            )
        }}
    from {{ ref("patients_today") }} as patients
    cross join {{ source("clinic", "profile") }} as profile
    where not profile.has_conditions_feed
{% endmacro %}

{# A management fee for lifestyle diseases within so many months; unknown where no claims are exported. #}
{% macro patients_with_lifestyle_fee_within(months) %}
    select
        patient_id,
        'has' as state,
        performed_on as since,
        {{
            evidence(
                "'stg_procedures'",
                "'management fee ' || act_code || ' on ' || cast(performed_on as varchar)",
                observed_on="performed_on",
                threshold="'within ' || " ~ months ~ " || ' months'",
            )
        }}
    from {{ ref("latest_lifestyle_fees") }}
    where {{ add_months("performed_on", months) }} > {{ as_of() }}
    union all
    select
        patients.patient_id,
        'unknown' as state,
        cast(null as date) as since,
        {{
            evidence(
                "'stg_patients'",
                "'no claims are exported'",
                file_id="patients.file_id",
                line_no="patients.line_no",
            )
        }}
    from {{ ref("patients_today") }} as patients
    cross join {{ source("clinic", "profile") }} as profile
    where not profile.has_claims_feed
{% endmacro %}
