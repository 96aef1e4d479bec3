{#
  Every model that was built has the columns its contract names, of the types it names: one question
  for all of them when the run ends, where dbt asks one a model. Fails the run and says what differs.
#}
{% macro contracts_hold(results) %}
    {% set promised = [] %}
    {% set models = [] %}
    {% for result in results if result.status == "success" and result.node.resource_type == "model" %}
        {% if result.node.config.contract.enforced %}
            {% do models.append("'" ~ result.node.name ~ "'") %}
            {% for column in result.node.columns.values() %}
                {% do promised.append(
                    result.node.name ~ " " ~ column.name ~ " " ~ column.data_type
                ) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% if models %}
        {# One long text: dbt looks at every cell of an answer to guess what it is. #}
        {% set query %}
            select string_agg(table_name || ' ' || column_name || ' ' || lower(data_type), chr(10))
            from duckdb_columns()
            where
                database_name = current_database()
                and schema_name = '{{ target.schema }}'
                and table_name in ({{ models | join(", ") }})
        {% endset %}
        {% set built = run_query(query).rows[0][0].split("\n") %}
        {% set missing = set(promised) - set(built) %}
        {% set added = set(built) - set(promised) %}
        {% if missing or added %}
            {% set broken = [] %}
            {% for each in missing | sort %} {% do broken.append("promised " ~ each) %} {% endfor %}
            {% for each in added | sort %} {% do broken.append("has " ~ each) %} {% endfor %}
            {{ exceptions.raise_compiler_error("contract broken: " ~ broken | join("; ")) }}
        {% endif %}
    {% endif %}
{% endmacro %}
