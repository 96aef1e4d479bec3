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
    {%- set sql = "create or replace " ~ kind ~ " " ~ this ~ " as (" ~ compiled_code ~ ")" -%}
    {#- Not by `statement`, which writes every query into a file once more before it runs it. -#}
    {%- set response, _ = adapter.execute(sql) -%}
    {%- do store_result("main", response) -%}
    {{ return({"relations": []}) }}  {# dbt's list of what there is: nobody here reads it #}
{% endmacro %}

{% materialization test, adapter = "duckdb" %}
    {%- set sql = get_test_sql(
        sql,
        config.get("fail_calc"),
        config.get("warn_if"),
        config.get("error_if"),
        none,
    ) -%}
    {%- set response, table = adapter.execute(sql, fetch=true) -%}
    {%- do store_result("main", response, table) -%}
    {{ return({"relations": []}) }}
{% endmaterialization %}
