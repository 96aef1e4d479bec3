{#
  Why a patient has a tag, or cannot be told to: the record that decided, what it said, and against
  what. Six columns of every tag; `explain` and tag_evidence read them.
#}
{% macro evidence(
    table,
    value,
    observed_on="null",
    threshold="null",
    file_id="file_id",
    line_no="line_no"
) %}
    {{ table }} as evidence_table,
    {{ file_id }} as evidence_file_id,
    {{ line_no }} as evidence_line_no,
    cast({{ observed_on }} as date) as evidence_on,
    cast({{ value }} as {{ dbt.type_string() }}) as evidence_value,
    cast({{ threshold }} as {{ dbt.type_string() }}) as evidence_threshold
{% endmacro %}

{# One band of seed age_bands: who is in it today by the Japanese age law. #}
{% macro patients_of_age_band(band) %}
    select
        patient_id,
        case when age_band is null then 'unknown' else 'has' end as state,
        age_band_since as since,
        {{
            evidence(
                "'stg_patients'",
                "coalesce('age ' || cast(age_years as varchar), 'no birth date')",
            )
        }}
    from {{ ref("patients_today") }}
    where age_band = '{{ band }}' or age_band is null
{% endmacro %}

{# One recorded sex; unknown where none is recorded. #}
{% macro patients_of_sex(sex) %}
    select
        patient_id,
        case when sex = '{{ sex }}' then 'has' else 'unknown' end as state,
        cast(null as date) as since,
        {{ evidence("'stg_patients'", "'sex ' || sex") }}
    from {{ ref("patients_today") }}
    where sex in ('{{ sex }}', 'unknown')
{% endmacro %}

{# One group of seed department_groups: who has visited it; unknown where no visit names one. #}
{% macro patients_of_department(group) %}
    select
        patient_id,
        case when department_group = '{{ group }}' then 'has' else 'unknown' end as state,
        first_visit_on as since,
        {{
            evidence(
                "'stg_visits'",
                "cast(visit_days as varchar) || ' visit days, last on '"
                ~ " || cast(last_visit_on as varchar)",
                observed_on="last_visit_on",
            )
        }}
    from {{ ref("patient_departments") }}
    where department_group = '{{ group }}' or not has_department
{% endmacro %}

{# One condition of seed condition_concepts, confirmed; unknown at a clinic without diagnoses. #}
{% macro patients_with_condition(condition) %}
    select
        patient_id,
        'has' as state,
        since,
        {{
            evidence(
                "'stg_conditions'",
                "'diagnosed in ' || cast(claim_months as varchar) || ' claim months'"
                ~ " || case when has_treatment then ', management fee or drug' else '' end",
                observed_on="last_on",
            )
        }}
    from {{ ref("condition_status") }}
    where condition = '{{ condition }}' and status = 'confirmed'
    union all
    {{ unknown_without_diagnoses() }}
{% endmacro %}

{# One tag of seed observation_thresholds: over it by a valid measurement; unknown without one. #}
{% macro patients_over_threshold(tag) %}
    select
        patient_id,
        case when status = 'over' then 'has' else 'unknown' end as state,
        observed_on as since,
        {{
            evidence(
                "case when status = 'over' then 'stg_observations' end",
                "case when status = 'over' then item || ' ' || cast(value as varchar)"
                ~ " || coalesce(' ' || nullif(unit, ''), '')"
                ~ " || coalesce(' (mean of ' || readings || ')', '')"
                ~ " else 'no valid measurement' end",
                observed_on="observed_on",
                threshold="case when status = 'over' then comparison || ' '"
                ~ " || cast(threshold as varchar) end",
            )
        }}
    from {{ ref("observations_over_threshold") }}
    where tag = '{{ tag }}' and status in ('over', 'unknown')
{% endmacro %}

{# One tag of seed vaccine_schedule: a dose is due; unknown where the history is incomplete. #}
{% macro patients_due_for_vaccine(tag) %}
    select
        patient_id,
        case when state = 'due' then 'has' else 'unknown' end as state,
        case when state = 'due' then due_from end as since,
        {{
            evidence(
                "evidence_table",
                "case when state = 'due' then 'dose ' || cast(dose_no as varchar) || ', '"
                ~ " || cast(days_left as varchar) || ' days left' else replace(reason, '_', ' ') end",
                threshold="case when state = 'due' then 'from ' || cast(due_from as varchar)"
                ~ " || ' to ' || cast(last_day as varchar) end",
            )
        }}
    from {{ ref("vaccine_due") }}
    where tag = '{{ tag }}' and choice = 1 and state in ('due', 'history_incomplete')
{% endmacro %}

{# One tag of seed screening_schedule: due by what is on record here; unknown without records. #}
{% macro patients_due_for_screening(tag) %}
    select
        patient_id,
        case when state = 'due' then 'has' else 'unknown' end as state,
        due_from as since,
        {{
            evidence(
                "evidence_table",
                "case when state = 'due' then"
                ~ " coalesce('last on ' || cast(last_done_on as varchar), 'none on record here')"
                ~ " else replace(reason, '_', ' ') end",
                observed_on="last_done_on",
                threshold="'due from ' || cast(due_from as varchar)",
            )
        }}
    from {{ ref("screening_due") }}
    where tag = '{{ tag }}' and state in ('due', 'unknown')
{% endmacro %}

{# Where a patient's last visit is recorded, or the patient where there is none. #}
{% macro last_visit_or_patient(part) %}
    {%- if part == "table" -%}
        case when last_visit_on is null then 'stg_patients' else 'stg_visits' end
    {%- else -%} coalesce(last_visit_{{ part }}, {{ part }})
    {%- endif -%}
{% endmacro %}

{# Last came so many calendar months ago or longer; unknown for a patient with no visit on record. #}
{% macro patients_without_visit_for(months) %}
    select
        patient_id,
        case when last_visit_on is null then 'unknown' else 'has' end as state,
        {{ add_months("last_visit_on", months) }} as since,
        {{
            evidence(
                last_visit_or_patient("table"),
                "coalesce('last visit on ' || cast(last_visit_on as varchar), 'no visit on record')",
                observed_on="last_visit_on",
                file_id=last_visit_or_patient("file_id"),
                line_no=last_visit_or_patient("line_no"),
            )
        }}
    from {{ ref("patients_today") }}
    where {{ add_months("last_visit_on", months) }} <= {{ as_of() }} or last_visit_on is null
{% endmacro %}
