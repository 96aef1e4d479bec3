{# Whether the clinic exports bookings: where it does not, nobody can tell who came with one. #}
{% macro has_bookings() %}
    (select max(has_appointments_feed) from {{ source("clinic", "profile") }})
{% endmacro %}

{# The value of a dated rule of seed result_rules, as one number. #}
{% macro result_rule(rule) %}
    (
        select value
        from {{ ref("result_rules") }} as rules
        where rule = '{{ rule }}' and {{ in_force("rules") }}
    )
{% endmacro %}

{#
  The holdout starts of the nights before, by the chart numbers of today. The same business day built
  again replaces itself.
#}
{% macro earlier_holdout_starts() %}
    select
        starts.campaign,
        starts.step,
        coalesce(merges.into_patient_id, starts.patient_id) as patient_id,
        min(starts.on_day) as on_day,
        starts.occurrence_id
    from {{ source("previous", "holdout_starts") }} as starts
    left join {{ ref("stg_patient_merges") }} as merges on merges.patient_id = starts.patient_id
    where starts.on_day < {{ as_of() }}
    group by
        starts.campaign,
        starts.step,
        coalesce(merges.into_patient_id, starts.patient_id),
        starts.occurrence_id
{% endmacro %}

{#
  Of people who were told, each counted by a row: visits are of windows that are over. Who came with
  a booking nobody knows where the clinic exports no bookings.
#}
{% macro sums_of_people() %}
    count(*) as sent,
    count(case when not is_window_over then 1 end) as pending,
    count(case when is_window_over then visited_on end) as visited,
    case
        when {{ has_bookings() }} then count(case when is_window_over and is_booked then 1 end)
    end as booked,
    count(case when is_late_arrival then 1 end) as late_arrivals
{% endmacro %}

{# Of the messages they had, of which one may be for several patients. #}
{% macro sums_of_messages() %}
    sum(message_share) as messages,
    sum(case when is_window_over then message_share end) as messages_over,
    count(case when is_window_over and is_credited then 1 end) as credited,
    sum(case when is_blocked then message_share end) as blocked,
    sum(case when is_hidden then message_share end) as hidden,
    sum(case when open_rate is not null then message_share end) as opened_of,
    sum(message_share * open_rate) as opened,
    sum(case when click_rate is not null then message_share end) as clicked_of,
    sum(message_share * click_rate) as clicked
{% endmacro %}

{# What messages came to, as sums over message_outcomes of the sent. #}
{% macro sums_of_the_sent() %} {{ sums_of_people() }}, {{ sums_of_messages() }} {% endmacro %}

{# The same of who was left out to compare with. #}
{% macro sums_of_the_holdout() %}
    count(case when is_window_over then 1 end) as holdout,
    count(case when not is_window_over then 1 end) as holdout_pending,
    count(case when is_window_over then visited_on end) as holdout_visited
{% endmacro %}

{#
  The two arms of one group and month side by side. Months in which there was only one of them are
  not compared: what was different about the month would pass for an effect.
#}
{% macro comparison(sent, held_out) %}
    {% set both = sent ~ ".sent > " ~ sent ~ ".pending and " ~ held_out ~ ".holdout > 0" %}
    case when {{ both }} then {{ sent }}.sent - {{ sent }}.pending else 0 end as compared,
    case when {{ both }} then {{ sent }}.visited else 0 end as compared_visited,
    case when {{ both }} then {{ held_out }}.holdout else 0 end as holdout,
    case when {{ both }} then {{ held_out }}.holdout_visited else 0 end as holdout_visited,
    coalesce({{ held_out }}.holdout_pending, 0) as holdout_pending
{% endmacro %}

{# The rows of each month, and once more as those of all months, which is no month. #}
{% macro and_all_months(monthly) %}
    select *
    from {{ monthly }}
    union all
    select * replace (cast(null as date) as month)
    from {{ monthly }}
{% endmacro %}

{# The columns every mart of results ends with, added up. #}
{% macro summed_results() %}
    cast(coalesce(round(sum(messages)), 0) as bigint) as messages,
    {% for each in ["sent", "pending", "visited", "credited", "late_arrivals"] %}
        cast(coalesce(sum({{ each }}), 0) as bigint) as {{ each }},
    {% endfor %}
    cast(case when {{ has_bookings() }} then coalesce(sum(booked), 0) end as bigint) as booked,
    cast(coalesce(round(sum(blocked)), 0) as bigint) as blocked,
    cast(coalesce(round(sum(hidden)), 0) as bigint) as hidden,
    {% for each in ["opened_of", "opened", "clicked_of", "clicked"] %}
        cast(round(sum({{ each }})) as bigint) as {{ each }},
    {% endfor %}
    {% for each in [
        "compared",
        "compared_visited",
        "holdout",
        "holdout_visited",
        "holdout_pending",
    ] %}
        cast(sum({{ each }}) as bigint) as {{ each }},
    {% endfor %}
    coalesce(sum(messages_over), 0) * {{ result_rule("yen_per_message") }} as cost_yen
{% endmacro %}
