-- One row per campaign, step, variant and month of sending: how many were told, opened and came,
-- and how many came of those left out. No variant is all of them, no month all months.
with
    planned as (
        select campaign, step, variant, {{ month_start("as_of") }} as month, count(*) as planned
        from {{ ref("stg_deliveries") }}
        where as_of < {{ as_of() }}
        group by all
    ),
    sent as (
        select
            campaign,
            step,
            variant,
            {{ month_start("started_on") }} as month,
            {{ sums_of_the_sent() }}
        from {{ ref("message_outcomes") }}
        where arm = 'sent'
        group by all
    ),
    held_out as (
        select campaign, step, {{ month_start("started_on") }} as month, {{ sums_of_the_holdout() }}
        from {{ ref("message_outcomes") }}
        where arm = 'holdout'
        group by all
    ),
    by_variant as (
        select * from planned full outer join sent using (campaign, step, variant, month)
    ),
    monthly as (
        select *
        from by_variant
        union all
        select
            campaign,
            step,
            cast(null as varchar) as variant,
            month,
            sum(columns(* exclude (campaign, step, variant, month)))
        from by_variant
        group by campaign, step, month
    ),
    compared as (
        select monthly.*, {{ comparison("monthly", "held_out") }}
        from monthly
        left join
            held_out
            on held_out.campaign = monthly.campaign
            and held_out.step = monthly.step
            and held_out.month = monthly.month
    ),
    pooled as ({{ and_all_months("compared") }})
select
    pooled.campaign,
    campaigns.label_ja,
    campaigns.purpose,
    pooled.step,
    pooled.variant,
    pooled.month,
    cast(coalesce(sum(pooled.planned), 0) as bigint) as planned,
    {{ summed_results() }}
from pooled
left join {{ ref("campaigns") }} as campaigns on campaigns.campaign = pooled.campaign
group by
    pooled.campaign,
    campaigns.label_ja,
    campaigns.purpose,
    pooled.step,
    pooled.variant,
    pooled.month
