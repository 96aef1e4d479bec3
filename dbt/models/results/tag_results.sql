-- One row per tag and month of sending: what came of the messages of the campaigns that stand on
-- it, for the patients who held it when they were told. No month is all months.
with
    campaign_tags as (
        select campaign, unnest(string_split(trim(tags, ','), ',')) as tag
        from {{ ref("campaigns") }}
    ),
    outcomes as (
        select campaign_tags.tag, {{ month_start("outcomes.started_on") }} as month, outcomes.*
        from {{ ref("message_outcomes") }} as outcomes
        inner join campaign_tags on campaign_tags.campaign = outcomes.campaign
        inner join
            {{ ref("tag_history") }} as held
            on held.tag = campaign_tags.tag
            and held.patient_id = outcomes.patient_id
            and held.held_from <= outcomes.started_on
            and coalesce(held.held_to > outcomes.started_on, true)
    ),
    sent as (
        select tag, campaign, step, month, {{ sums_of_the_sent() }}
        from outcomes
        where arm = 'sent'
        group by all
    ),
    held_out as (
        select tag, campaign, step, month, {{ sums_of_the_holdout() }}
        from outcomes
        where arm = 'holdout'
        group by all
    ),
    compared as (
        select sent.*, {{ comparison("sent", "held_out") }}
        from sent
        left join
            held_out
            on held_out.tag = sent.tag
            and held_out.campaign = sent.campaign
            and held_out.step = sent.step
            and held_out.month = sent.month
    ),
    pooled as ({{ and_all_months("compared") }})
select tag, month, {{ summed_results() }}
from pooled
group by tag, month
