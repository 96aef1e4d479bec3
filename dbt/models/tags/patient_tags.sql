-- One row per patient and tag they have, or cannot be told to have: the union of every tag file,
-- each listed once here, but by hand where staff have added or removed a tag. A retired tag is
-- nobody's.
{{ config(materialized="table") }}
{% set tags = [
    "department_internal_medicine",
    "department_pediatrics",
    "department_orthopedics",
    "department_dermatology",
    "department_gynecology",
    "department_otolaryngology",
    "department_allergy",
    "department_anesthesiology",
    "department_cardiology",
    "department_emergency",
    "department_gastroenterology",
    "department_laboratory",
    "department_neurology",
    "department_neurosurgery",
    "department_ophthalmology",
    "department_plastic_surgery",
    "department_proctology",
    "department_psychiatry",
    "department_radiology",
    "department_rehabilitation",
    "department_respiratory_medicine",
    "department_rheumatology",
    "department_surgery",
    "department_urology",
    "age_0_5",
    "age_6_15",
    "age_16_39",
    "age_40_64",
    "age_65_74",
    "age_75_over",
    "school_preschool",
    "school_last_preschool_year",
    "school_elementary",
    "school_junior_high",
    "school_high_age",
    "sex_female",
    "sex_male",
    "visits_new",
    "visits_frequent",
    "no_visit_3_months",
    "no_visit_6_months",
    "no_visit_12_months",
    "hypertension",
    "diabetes",
    "dyslipidemia",
    "chronic_kidney_disease",
    "asthma",
    "copd",
    "gout",
    "atrial_fibrillation",
    "ischemic_heart_disease",
    "heart_failure",
    "stroke",
    "osteoporosis",
    "hay_fever",
    "glaucoma",
    "under_treatment",
    "treatment_ended",
    "lifestyle_fee_within_6_months",
    "waist_over_threshold",
    "blood_pressure_over_threshold",
    "glucose_over_threshold",
    "hba1c_over_threshold",
    "fasting_glucose_over_threshold",
    "lipids_over_threshold",
    "ldl_over_threshold",
    "bmi_over_threshold",
    "bmi_under_threshold",
    "smoking",
    "five_in_one_due",
    "pneumococcal_child_due",
    "hepatitis_b_due",
    "rotavirus_due",
    "bcg_due",
    "mr_due",
    "chickenpox_due",
    "japanese_encephalitis_due",
    "dt_due",
    "hpv_due",
    "influenza_due",
    "covid_due",
    "pneumococcal_due",
    "zoster_due",
    "breast_screening_due",
    "cervical_screening_due",
    "colorectal_screening_due",
    "lung_screening_due",
    "gastric_screening_due",
    "specific_checkup_due",
    "asks_internal_medicine",
    "asks_pediatrics",
    "asks_orthopedics",
    "asks_dermatology",
    "asks_gynecology",
    "asks_otolaryngology",
    "wants_influenza_vaccine",
    "has_children",
    "says_smoking",
] %}
{{ all_tags_listed(tags) }}
with
    by_rule as (
        {% for tag in tags %}
            select
                patient_id,
                '{{ tag }}' as tag,
                state,
                since,
                evidence_table,
                evidence_file_id,
                evidence_line_no,
                evidence_on,
                evidence_value,
                evidence_threshold
            from {{ ref("tag_" ~ tag) }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )
select
    by_rule.patient_id,
    by_rule.tag,
    by_rule.state,
    by_rule.since,
    by_rule.evidence_table,
    by_rule.evidence_file_id,
    by_rule.evidence_line_no,
    by_rule.evidence_on,
    by_rule.evidence_value,
    by_rule.evidence_threshold
from by_rule
left join
    {{ ref("overrides_in_force") }} as by_hand
    on by_hand.patient_id = by_rule.patient_id
    and by_hand.tag = by_rule.tag
left join {{ ref("retired_tags") }} as retired on retired.tag = by_rule.tag
where by_hand.tag is null and retired.tag is null
union all
select
    patient_id,
    tag,
    'has' as state,
    made_on as since,
    'override' as evidence_table,
    'ledger' as evidence_file_id,
    override_id as evidence_line_no,
    made_on as evidence_on,
    'added by hand until ' || cast(expires_on as {{ dbt.type_string() }}) as evidence_value,
    cast(null as {{ dbt.type_string() }}) as evidence_threshold
from {{ ref("overrides_in_force") }}
where action = 'add'
