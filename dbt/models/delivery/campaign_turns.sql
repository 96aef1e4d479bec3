-- One row per campaign's step whose effect is measured: how many visits a message of it brings that
-- would not have been, and the priority it is given for that, of those such steps hold.
with
    compared as (
        select
            results.campaign,
            results.step,
            campaigns.priority,
            results.compared as told,
            results.holdout as left_out,
            results.compared_visited / cast(results.compared as double) as told_share,
            results.holdout_visited / cast(results.holdout as double) as left_out_share,
            results.sent / cast(results.messages as double) as patients_per_message
        from {{ ref("campaign_results") }} as results
        inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = results.campaign
        where
            results.month is null
            and results.variant is null
            and least(
                results.compared_visited,
                results.compared - results.compared_visited,
                results.holdout_visited,
                results.holdout - results.holdout_visited
            )
            >= {{ result_rule("fewest_to_compare") }}
            -- What may not be shown to people decides nothing either.
            and least(results.compared, results.holdout) >= ({{ answer_rule("smallest_group") }})
    ),
    -- Wald's interval, as dagster_project/insight/uplift.py has it: a test holds the two together.
    effects as (
        select
            campaign,
            step,
            priority,
            patients_per_message,
            told_share - left_out_share as effect,
            {{ result_rule("interval_quantile") }} * sqrt(
                told_share * (1 - told_share) / told
                + left_out_share * (1 - left_out_share) / left_out
            ) as margin
        from compared
    ),
    measured as (
        select campaign, step, priority, effect * patients_per_message as visits_per_message
        from effects
        where effect - margin > 0 or effect + margin < 0
    ),
    ranked as (
        select
            *,
            row_number() over (order by priority, campaign, step) as by_priority,
            row_number() over (
                order by visits_per_message desc, priority, campaign, step
            ) as by_worth
        from measured
    )
select
    ranked.campaign,
    ranked.step,
    ranked.priority,
    ranked.visits_per_message,
    given.priority as given_priority
from ranked
inner join ranked as given on given.by_priority = ranked.by_worth
