{# 診察券番号 without the zeros that one system pads and another strips. #}
{% macro patient_id(patient_no) %}
    case
        when regexp_replace({{ patient_no }}, '^0+', '') = ''
        then '0'
        else regexp_replace({{ patient_no }}, '^0+', '')
    end
{% endmacro %}

{# Where a record stands in the exports, for a person who wants to see it. #}
{% macro evidence_pointer(table_name, file_id, line_no) %}
    ' ['
    || {{ table_name }}
    || ' '
    || substr({{ file_id }}, 1, 8)
    || ':'
    || cast({{ line_no }} as {{ dbt.type_string() }})
    || ']'
{% endmacro %}
