{# Ends the statement with this text as its error; of the type the other branches have. #}
{% macro stop_with(text) %} {{ return(adapter.dispatch("stop_with")(text)) }} {% endmacro %}

{% macro default__stop_with(text) %} error({{ text }}){% endmacro %}

{% macro spark__stop_with(text) %} raise_error({{ text }}){% endmacro %}

{#
  Sets of small numbers (0 to 65,535), one bit each: what two tags share is then one instruction for
  64 patients. Joining members with members costs four times as much, or more (docs/operations.md).
#}
{% macro number_set(number) %} {{ return(adapter.dispatch("number_set")(number)) }} {% endmacro %}

{% macro default__number_set(number) %}
    bitstring_agg(cast({{ number }} as integer), 0, 65535)
{% endmacro %}

{% macro spark__number_set(number) %} collect_set({{ number }}){% endmacro %}

{% macro size_of_both(one, other) %}
    {{ return(adapter.dispatch("size_of_both")(one, other)) }}
{% endmacro %}

{% macro default__size_of_both(one, other) %} bit_count({{ one }} & {{ other }}){% endmacro %}

{% macro spark__size_of_both(one, other) %}
    size(array_intersect({{ one }}, {{ other }}))
{% endmacro %}

{# The finding rules of tonight, by seed review_rules. #}
{% macro review_rules() %}
    select finding, threshold, rank, label_ja, to_do
    from {{ ref("review_rules") }} as rules
    where {{ in_force("rules") }}
{% endmacro %}

{# A share as staff read it: 97.0 %. #}
{% macro percent(share) %}
    cast(round(100 * ({{ share }}), 1) as {{ dbt.type_string() }}) || ' %'
{% endmacro %}

{% macro as_text(value) %} cast({{ value }} as {{ dbt.type_string() }}){% endmacro %}
