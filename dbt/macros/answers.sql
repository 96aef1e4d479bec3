{#
    Who gave this answer in the chat; unknown once the answer is older than so many days. Where the
    EMR says otherwise, `precedence` says whose word counts, self_reported or emr: by the EMR's,
    they have not the tag. answer_conflicts has both sides either way.
#}
{% macro patients_who_said(item, value, days, precedence) %}
    {% if precedence not in ["self_reported", "emr"] %}
        {{ exceptions.raise_compiler_error("precedence is self_reported or emr: " ~ precedence) }}
    {% endif %}
    select
        patient_id,
        case
            when {{ add_days("answered_on", days) }} >= {{ as_of() }} then 'has' else 'unknown'
        end as state,
        answered_on as since,
        {{
            evidence(
                "'stg_answers'",
                "'answered ' || item || ' ' || value",
                observed_on="answered_on",
                threshold="'within ' || " ~ days ~ " || ' days'",
            )
        }}
    from {{ ref("self_reported") }}
    where
        item = '{{ item }}' and value = '{{ value }}' and not is_for_child
        {% if precedence == "emr" %}
            and patient_id not in (
                select patient_id
                from {{ ref("answer_conflicts") }}
                where item = '{{ item }}' and said_value = '{{ value }}'
            )
        {% endif %}
{% endmacro %}

{# How many people a dated rule of seed answer_rules asks for. #}
{% macro answer_rule(rule) %}
    select people
    from {{ ref("answer_rules") }} as rules
    where rule = '{{ rule }}' and {{ in_force("rules") }}
{% endmacro %}
