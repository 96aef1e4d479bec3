-- One row per person, purpose and window: a message opens one, and what the purpose's campaigns
-- send until its last day belongs to it. Once for all who were told, once for those compared.
{% set number = sticky_number("profile.clinic_id", "campaigns.purpose", "outcomes.patient_id") %}
with
    shares as (
        select
            purpose,
            min(nullif(holdout_below, '00000000')) as left_out_below,
            max(nullif(holdout_below, '00000000')) as told_from
        from {{ ref("campaigns") }}
        group by purpose
    ),
    outcomes as (
        select
            campaigns.purpose,
            {{ month_start("outcomes.started_on") }} as month,
            outcomes.arm,
            outcomes.campaign,
            outcomes.step,
            outcomes.occurrence_id,
            outcomes.patient_id,
            outcomes.started_on,
            outcomes.window_ends_on,
            outcomes.is_window_over,
            outcomes.visited_on,
            outcomes.is_booked,
            outcomes.is_late_arrival,
            -- Where the campaigns of a purpose leave out different shares, whoever is in some and
            -- out of others is in neither arm, and each campaign has the same part of both.
            coalesce(
                case
                    outcomes.arm
                    when 'sent'
                    then shares.told_from <= {{ number }}
                    else shares.left_out_below > {{ number }}
                end,
                true
            ) as is_of_one_arm
        from {{ ref("message_outcomes") }} as outcomes
        inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = outcomes.campaign
        inner join shares on shares.purpose = campaigns.purpose
        cross join {{ source("clinic", "profile") }} as profile
    ),
    -- As in campaign_results: a month in which a campaign's step had only one arm is not compared.
    both_arms as (
        select campaign, step, month
        from outcomes
        where is_window_over
        group by campaign, step, month
        having min(arm) <> max(arm)
    ),
    starts as (
        select 'told' as series, outcomes.*
        from outcomes
        where arm = 'sent'
        union all
        select 'compared', outcomes.*
        from outcomes
        inner join
            both_arms
            on both_arms.campaign = outcomes.campaign
            and both_arms.step = outcomes.step
            and both_arms.month = outcomes.month
        where outcomes.is_of_one_arm
    ),
    -- Of two messages of a day the one whose window is longer opens it.
    days as (
        select
            *,
            row_number() over (
                partition by series, purpose, arm, patient_id, started_on
                order by window_ends_on desc, occurrence_id
            ) as choice
        from starts
    ),
    followed as (
        select
            days.series,
            days.purpose,
            days.arm,
            days.patient_id,
            days.started_on,
            min(later.started_on) as next_on
        from days
        left join
            days as later
            on later.series = days.series
            and later.purpose = days.purpose
            and later.arm = days.arm
            and later.patient_id = days.patient_id
            and later.started_on > days.window_ends_on
            and later.choice = 1
        where days.choice = 1
        group by days.series, days.purpose, days.arm, days.patient_id, days.started_on
    ),
    opened as (
        with recursive
            walk as (
                select series, purpose, arm, patient_id, min(started_on) as started_on
                from followed
                group by series, purpose, arm, patient_id
                union all
                select
                    followed.series,
                    followed.purpose,
                    followed.arm,
                    followed.patient_id,
                    followed.next_on
                from walk
                inner join
                    followed
                    on followed.series = walk.series
                    and followed.purpose = walk.purpose
                    and followed.arm = walk.arm
                    and followed.patient_id = walk.patient_id
                    and followed.started_on = walk.started_on
                where followed.next_on is not null
            )
        select series, purpose, arm, patient_id, started_on
        from walk
    )
select
    days.series,
    days.purpose,
    days.arm,
    days.patient_id,
    days.occurrence_id,
    days.month,
    days.started_on,
    days.is_window_over,
    days.visited_on,
    days.is_booked,
    days.is_late_arrival
from days
inner join
    opened
    on opened.series = days.series
    and opened.purpose = days.purpose
    and opened.arm = days.arm
    and opened.patient_id = days.patient_id
    and opened.started_on = days.started_on
where days.choice = 1
