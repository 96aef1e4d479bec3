-- One row per campaign and patient in its segment, from every campaign folder, each listed once
-- here.
{% set segments = [
    "vaccination",
    "lifestyle_checkup",
    "lapsed_6_months",
    "womens_screening",
] %}
{% if execute %}
    {% for campaign in campaign_settings() if campaign.name not in segments %}
        {{
            exceptions.raise_compiler_error(
                "campaigns/ has " ~ campaign.name ~ " but segment_members.sql does not list it"
            )
        }}
    {% endfor %}
{% endif %}
{% for segment in segments %}
    select '{{ segment }}' as campaign, patient_id, since, due_on, deadline_on, evidence
    from {{ ref("seg_" ~ segment) }}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
