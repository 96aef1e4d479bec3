-- One row per tag, as its own yml describes it, and since when it is retired.
{{ config(materialized="table") }}
{% set tags = tag_metadata() %}
with
    described as (
        {% for tag in tags %}
            select
                {{ quoted(tag.tag) }} as tag,
                {{ quoted(tag.meta.label_ja) }} as label_ja,
                {{ quoted(tag.description) }} as description,
                {{ quoted(tag.meta.family) }} as family,
                {{ quoted(tag.meta.owner) }} as owner,
                {{ quoted(tag.meta.purpose) }} as purpose,
                cast({{ tag.meta.validity_days }} as integer) as validity_days,
                cast({{ quoted(tag.meta.review_on) }} as date) as review_on,
                {{ quoted(tag.meta.sensitivity) }} as sensitivity,
                {{ quoted(tag.rule) }} as rule,
                {{ quoted(tag.meta.looks_at.fact) }} as fact,
                {{ quoted(tag.meta.looks_at.where or "true") }} as fact_filter,
                {{ quoted("," ~ (tag.meta.moves_on or []) | join(",") ~ ",") }} as moves_on
            {% if not loop.last %}
                union all
            {% endif %}
        {% else %}
            select
                cast(null as varchar) as tag,
                cast(null as varchar) as label_ja,
                cast(null as varchar) as description,
                cast(null as varchar) as family,
                cast(null as varchar) as owner,
                cast(null as varchar) as purpose,
                cast(null as integer) as validity_days,
                cast(null as date) as review_on,
                cast(null as varchar) as sensitivity,
                cast(null as varchar) as rule,
                cast(null as varchar) as fact,
                cast(null as varchar) as fact_filter,
                cast(null as varchar) as moves_on
            where false
        {% endfor %}
    )
select
    described.tag,
    described.label_ja,
    described.description,
    described.family,
    described.owner,
    described.purpose,
    described.validity_days,
    described.review_on,
    described.sensitivity,
    described.rule,
    described.fact,
    described.fact_filter,
    described.moves_on,
    retired.retired_on
from described
left join {{ ref("retired_tags") }} as retired on retired.tag = described.tag
