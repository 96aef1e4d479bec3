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

{#
  Every tag that a segment or another model names: in a ref, in its SQL, or in a campaign's list of
  tags; one entry a tag and file. As in lint, a name that Jinja puts together is not seen in SQL.
#}
{% macro tag_references() %}
    {% set references = [] %}
    {% if execute %}
        {% for node in graph.nodes.values() | sort(attribute="name") %}
            {% if node.resource_type == "model" and node.name != "patient_tags" %}
                {% for tag in tags_named_by(node) | unique | sort %}
                    {% do references.append(
                        {
                            "tag": tag,
                            "referenced_by": node.name,
                            "campaign": (
                                node.name[4:] if node.name.startswith("seg_") else none
                            ),
                            "path": node.original_file_path,
                        }
                    ) %}
                {% endfor %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(references) }}
{% endmacro %}

{% macro tags_named_by(node) %}
    {% set named = [] %}
    {% set reads_tags = [] %}
    {% for unique_id in node.depends_on.nodes %}
        {% set parent = graph.nodes.get(unique_id) %}
        {% if parent and is_tag_file(parent) %} {% do named.append(parent.name[4:]) %} {% endif %}
        {% if parent and parent.original_file_path.startswith("models/tags/") %}
            {% do reads_tags.append(parent.name) %}
        {% endif %}
    {% endfor %}
    {% if reads_tags %}
        {% set sql = modules.re.sub("--[^\\n]*|[{][#](?s:.*?)[#][}]", " ", node.raw_code) %}
        {% set one = "\\btag\\s*(?:=|<>|!=)\\s*'([^']*)'" %}
        {% set several = "\\btag\\s+(?:not\\s+)?in\\s*\\(([^)]*)\\)" %}
        {% do named.extend(modules.re.findall(one, sql)) %}
        {% for names in modules.re.findall(several, sql) %}
            {% do named.extend(modules.re.findall("'([^']*)'", names)) %}
        {% endfor %}
    {% endif %}
    {% set campaign = (node.config.meta or {}).get("campaign") or {} %}
    {% do named.extend((campaign.get("tags") or []) + step_tags(campaign)) %}
    {{ return(named) }}
{% endmacro %}

{# Whether a node is a tag's own file, models/tags/<family>/tag_<name>.sql. #}
{% macro is_tag_file(node) %}
    {{
        return(
            node.resource_type == "model"
            and node.name.startswith("tag_")
            and node.original_file_path.startswith("models/tags/")
            and node.original_file_path.count("/") == 3
        )
    }}
{% endmacro %}
