{#
  Every model that was built has the columns its contract names, of the types it names: one question
  for all of them when the run ends, where dbt asks one a model. Fails the run and says what differs.
#}
{% macro contracts_hold(results) %}
    {% set promised = {} %}
    {% set models = {} %}
    {% for result in results if result.status == "success" and result.node.resource_type == "model" %}
        {% if result.node.config.contract.enforced %}
            {% do models.update({result.node.name: true}) %}
            {% for column in result.node.columns.values() %}
                {% do promised.update({(result.node.name, column.name, column.data_type): true}) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% if promised %}
        {% set query %}
            select table_name, column_name, lower(data_type)
            from duckdb_columns()
            where database_name = current_database() and schema_name = '{{ target.schema }}'
        {% endset %}
        {% set built = {} %}
        {% for row in run_query(query).rows if row[0] in models %}
            {% do built.update({(row[0], row[1], row[2]): true}) %}
        {% endfor %}
        {% set broken = [] %}
        {% for each in promised if each not in built %}
            {% do broken.append(each[0] ~ ": promised " ~ each[1] ~ " " ~ each[2]) %}
        {% endfor %}
        {% for each in built if each not in promised %}
            {% do broken.append(each[0] ~ ": has " ~ each[1] ~ " " ~ each[2]) %}
        {% endfor %}
        {% if broken %}
            {{ exceptions.raise_compiler_error("contract broken: " ~ broken | join("; ")) }}
        {% endif %}
    {% endif %}
{% endmacro %}
