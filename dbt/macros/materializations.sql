{#
  dbt's own materializations build beside, swap by renaming, drop what was there, and ask for the
  columns of the query first: eight statements a model. A night's warehouse is always a new file, so
  one statement does; contracts.sql holds all the columns against their contracts at the end.
#}
{% materialization table, adapter = "duckdb" %}
    {{ return(one_statement("table")) }}
{% endmaterialization %}

{% materialization view, adapter = "duckdb" %}
    {{ return(one_statement("view")) }}
{% endmaterialization %}

{% macro one_statement(kind) %}
    {%- set relation = this.incorporate(type=kind) -%}
    {{ drop_relation_if_exists(load_cached_relation(this)) }}
    {% call statement("main", auto_begin=False) -%}
        create {{ kind }} {{ relation }} as ({{ compiled_code }})
    {%- endcall %}
    {{ return({"relations": [relation]}) }}
{% endmacro %}
