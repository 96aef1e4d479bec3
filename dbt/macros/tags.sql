{# Stops the build when a tag file stands in models/tags/ that patient_tags.sql does not list. #}
{% macro all_tags_listed(listed) %}
    {% if execute %}
        {% set unlisted = [] %}
        {% for node in graph.nodes.values() %}
            {% if node.resource_type == "model" and node.name.startswith(
                "tag_"
            ) and "models/tags/" in node.original_file_path and node.original_file_path.count(
                "/"
            ) == 3 %}
                {% if node.name[4:] not in listed %} {% do unlisted.append(node.name) %} {% endif %}
            {% endif %}
        {% endfor %}
        {% if unlisted %}
            {{
                exceptions.raise_compiler_error(
                    "models/tags/ has " ~ unlisted
                    | sort
                    | join(", ") ~ " but patient_tags.sql does not list it"
                )
            }}
        {% endif %}
    {% endif %}
{% endmacro %}

{# What every tag must say of itself in its yml, under config.meta. #}
{% macro tag_metadata() %}
    {% set required = [
        "label_ja",
        "family",
        "owner",
        "purpose",
        "validity_days",
        "review_on",
        "sensitivity",
        "looks_at",
    ] %}
    {% set tags = [] %}
    {% if execute %}
        {% for node in graph.nodes.values() | sort(attribute="name") %}
            {% if node.resource_type == "model" and node.original_file_path.startswith(
                "models/tags/"
            ) and node.name.startswith("tag_") and node.original_file_path.count("/") == 3 %}
                {% set meta = node.config.meta or {} %}
                {% set missing = [] %}
                {% for field in required %}
                    {% if not meta.get(field) %} {% do missing.append(field) %} {% endif %}
                {% endfor %}
                {% if not node.description %} {% do missing.append("description") %} {% endif %}
                {% if missing %}
                    {{
                        exceptions.raise_compiler_error(
                            node.name ~ " lacks " ~ missing
                            | join(", ") ~ ": add it to its yml, under config.meta"
                        )
                    }}
                {% endif %}
                {% do tags.append(
                    {
                        "tag": node.name[4:],
                        "description": node.description,
                        "meta": meta,
                        "rule": rule_of(node.raw_code),
                    }
                ) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(tags) }}
{% endmacro %}

{% macro quoted(text) %} {{ "'" ~ text | string | replace("'", "''") ~ "'" }} {% endmacro %}

{# The sentence a tag's SQL begins with. #}
{% macro rule_of(raw_code) %}
    {% set said = [] %}
    {% for line in raw_code.split("\n") if line.startswith("--") %}
        {% do said.append(line[2:] | trim) %}
    {% endfor %}
    {{ return(said | join(" ")) }}
{% endmacro %}
