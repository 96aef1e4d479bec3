-- One row per patient and tag they have, or cannot be told to have: the union of every tag file,
-- each listed once here.
{% set tags = [
    "department_internal_medicine",
    "department_pediatrics",
    "department_orthopedics",
    "department_dermatology",
    "department_gynecology",
    "department_otolaryngology",
    "age_0_5",
    "age_6_15",
    "age_16_39",
    "age_40_64",
    "age_65_74",
    "age_75_over",
    "sex_female",
    "sex_male",
    "no_visit_6_months",
    "visits_frequent",
    "hypertension",
    "diabetes",
    "dyslipidemia",
    "waist_over_threshold",
    "blood_pressure_over_threshold",
    "glucose_over_threshold",
] %}
{{ all_tags_listed(tags) }}
{% for tag in tags %}
    select patient_id, '{{ tag }}' as tag, state, since, evidence
    from {{ ref("tag_" ~ tag) }}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
