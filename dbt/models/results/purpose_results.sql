-- One row per purpose and month of sending: what came of all its campaigns' messages, a person
-- counted once in each window. No month is all months.
with
    messages as (
        select
            campaigns.purpose,
            {{ month_start("outcomes.started_on") }} as month,
            {{ sums_of_messages() }}
        from {{ ref("message_outcomes") }} as outcomes
        inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = outcomes.campaign
        where outcomes.arm = 'sent'
        group by all
    ),
    people as (
        select purpose, month, {{ sums_of_people() }}
        from {{ ref("purpose_windows") }}
        where series = 'told'
        group by purpose, month
    ),
    told as (
        select purpose, month, {{ sums_of_people() }}
        from {{ ref("purpose_windows") }}
        where series = 'compared' and arm = 'sent'
        group by purpose, month
    ),
    held_out as (
        select purpose, month, {{ sums_of_the_holdout() }}
        from {{ ref("purpose_windows") }}
        where series = 'compared' and arm = 'holdout'
        group by purpose, month
    ),
    compared as (
        select messages.*, people.* exclude (purpose, month), {{ comparison("told", "held_out") }}
        from messages
        left join people on people.purpose = messages.purpose and people.month = messages.month
        left join told on told.purpose = messages.purpose and told.month = messages.month
        left join
            held_out on held_out.purpose = messages.purpose and held_out.month = messages.month
    ),
    pooled as ({{ and_all_months("compared") }})
select pooled.purpose, purposes.label_ja, pooled.month, {{ summed_results() }}
from pooled
left join {{ ref("consent_purposes") }} as purposes on purposes.purpose = pooled.purpose
group by pooled.purpose, purposes.label_ja, pooled.month
