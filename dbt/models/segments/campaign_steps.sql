-- One row per scenario and step: how many days after the entry it is due, and which tags say that
-- it is for somebody. The steps are numbered as they are written, from 1.
{% for campaign in campaign_settings() if campaign.scenario %}
    {% set is_last_campaign = loop.last %}
    {% for step in campaign.scenario.steps %}
        select
            {{ quoted(campaign.name) }} as campaign,
            cast({{ loop.index }} as integer) as step,
            cast({{ step.after_days }} as integer) as after_days,
            {{ listed(step.only_if) }} as only_if,
            {{ listed(step.unless) }} as unless
        {% if not (loop.last and is_last_campaign) %}
            union all
        {% endif %}
    {% endfor %}
{% else %}
    select
        cast(null as varchar) as campaign,
        cast(null as integer) as step,
        cast(null as integer) as after_days,
        cast(null as varchar) as only_if,
        cast(null as varchar) as unless
    where false
{% endfor %}
