-- One row per tag and file that names it: a segment, or a model that is no list of all tags.
{{ config(materialized="table") }}
{% for reference in tag_references() %}
    select
        {{ quoted(reference.tag) }} as tag,
        {{ quoted(reference.referenced_by) }} as referenced_by,
        {% if reference.campaign %} {{ quoted(reference.campaign) }}
        {% else %} cast(null as varchar)
        {% endif %} as campaign,
        {{ quoted(reference.path) }} as path
    {% if not loop.last %}
        union all
    {% endif %}
{% else %}
    select
        cast(null as varchar) as tag,
        cast(null as varchar) as referenced_by,
        cast(null as varchar) as campaign,
        cast(null as varchar) as path
    where false
{% endfor %}
