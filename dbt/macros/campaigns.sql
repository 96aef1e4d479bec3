{# Every campaign folder's own settings, from config.meta.campaign of its segment. #}
{% macro campaign_settings() %}
    {% set found = [] %}
    {% if execute %}
        {% for node in graph.nodes.values() | sort(attribute="name") %}
            {% set meta = node.config.meta or {} %}
            {% if node.resource_type == "model" and node.name.startswith("seg_") and meta.get(
                "campaign"
            ) %}
                {% do found.append(
                    dict(meta.campaign, name=node.name[4:], label_ja=meta.label_ja)
                ) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}

{# The period in which the same occurrence cannot happen twice. #}
{% macro period_of(cycle) %}
    case
        {{ cycle }}
        when 'month'
        then substr(cast({{ as_of() }} as varchar), 1, 7)
        when 'half_year'
        then
            substr(cast({{ as_of() }} as varchar), 1, 4)
            || case when extract(month from {{ as_of() }}) <= 6 then '-H1' else '-H2' end
        else substr(cast({{ as_of() }} as varchar), 1, 4)
    end
{% endmacro %}
