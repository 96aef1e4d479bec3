{#
  dbt's own materializations build beside, swap by renaming and drop what was there, six statements
  a model. A night's warehouse is always a new file, so one statement does.
#}
{% materialization table, adapter = "duckdb" %}
    {%- set relation = this.incorporate(type="table") -%}
    {{ drop_relation_if_exists(load_cached_relation(this)) }}
    {% call statement("main") -%}
        {{ create_table_as(False, relation, compiled_code) }}
    {%- endcall %}
    {{ adapter.commit() }}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}

{% materialization view, adapter = "duckdb" %}
    {%- set relation = this.incorporate(type="view") -%}
    {{ drop_relation_if_exists(load_cached_relation(this)) }}
    {% call statement("main") -%} {{ create_view_as(relation, compiled_code) }} {%- endcall %}
    {{ adapter.commit() }}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}
