{% macro as_of() %} cast('{{ var("as_of") }}' as date){% endmacro %}

{# Calendar months later; a day that does not exist becomes the month's last. #}
{% macro add_months(day, months) %}
    {{ return(adapter.dispatch("add_months")(day, months)) }}
{% endmacro %}

{% macro default__add_months(day, months) %}
    cast({{ day }} + to_months(cast({{ months }} as integer)) as date)
{% endmacro %}

{% macro spark__add_months(day, months) %} add_months({{ day }}, {{ months }}){% endmacro %}

{# Whether a row of a dated seed is in force on a day; its first and its last day are. #}
{% macro in_force(row, day=none) %}
    {{ row }}.valid_from <= {{ day or as_of() }}
    and coalesce({{ row }}.valid_to, {{ day or as_of() }}) >= {{ day or as_of() }}
{% endmacro %}

{% macro add_days(day, days) %} cast({{ day }} + {{ days }} as date){% endmacro %}

{#
  The day an age is reached: the eve of the birthday (年齢計算ニ関スル法律, 民法143条).
  Born on 29 February: in a common year that eve is 28 February, the day the clipped anniversary falls on.
#}
{% macro age_reached_on(birth_date, years) %}
    case
        when
            extract(month from {{ birth_date }}) = 2
            and extract(day from {{ birth_date }}) = 29
            and extract(day from {{ add_months(birth_date, "12 * " ~ years) }}) = 28
        then {{ add_months(birth_date, "12 * " ~ years) }}
        else {{ add_days(add_months(birth_date, "12 * " ~ years), -1) }}
    end
{% endmacro %}

{# The first day of the month that a day lies in. #}
{% macro month_start(day) %}
    cast(substr(cast({{ day }} as {{ dbt.type_string() }}), 1, 7) || '-01' as date)
{% endmacro %}

{# 1 April of the fiscal year (年度) that a day lies in. #}
{% macro fiscal_year_start(day) %}
    cast(
        cast(extract(year from {{ add_months(day, -3) }}) as {{ dbt.type_string() }})
        || '-04-01' as date
    )
{% endmacro %}

{#
  1 April of the fiscal year in which an age is reached. Reached on the eve: who is born on 1 April
  belongs to the year before.
#}
{% macro fiscal_year_of_age(birth_date, years) %}
    {{ add_months(fiscal_year_start(add_days(birth_date, -1)), "12 * (" ~ years ~ ")") }}
{% endmacro %}

{# The day an age in days or months is complete; of years, the eve on which the law says so. #}
{% macro day_of_age(birth_date, age, unit) %}
    case
        {{ unit }}
        when 'days'
        then {{ add_days(birth_date, age) }}
        when 'months'
        then {{ add_months(birth_date, age) }}
        else {{ age_reached_on(birth_date, age) }}
    end
{% endmacro %}
