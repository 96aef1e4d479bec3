"""What a holdout of some size can show at one clinic, and after how many months.

People who are told or left out in a month come from what was sent so far, and before anything was
sent from whoever would be written to tonight. The share who come by themselves comes from those
left out so far; until there are enough of them it is the assumed one of seed result_rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from dagster_project.insight.results import campaign_results, pooled
from dagster_project.insight.shares import Share
from dagster_project.insight.uplift import FEWEST, detectable

MONTHS = (1, 3, 6, 12, 24)
SHARES = (0.1, 0.2)
# By month the people of first steps: only they have somebody to be compared with.
PEOPLE = """
with first_steps as (
    select campaign, min(step) as step from message_outcomes group by campaign
), monthly as (
    select campaign, date_trunc('month', started_on) as month, count(*) as people
    from message_outcomes inner join first_steps using (campaign, step)
    group by all
), so_far as (
    select campaign, avg(people) as people from monthly group by campaign
), tonight as (
    select campaign, count(*) as people from delivery_decisions
    where reason in (
        'send', 'holdout', 'cap', 'quiet_or_closed', 'other_message_today', 'deferred_by_quota'
    )
    group by campaign
)
select
    campaigns.campaign,
    campaigns.label_ja,
    coalesce(so_far.people, tonight.people, 0) as people_a_month,
    so_far.people is not null as is_measured
from campaigns
left join so_far using (campaign)
left join tonight using (campaign)
order by campaigns.priority
"""
ASSUMED = """
select value from result_rules, meta.build as build
where rule = 'assumed_visit_share' and valid_from <= build.as_of
    and coalesce(valid_to >= build.as_of, true)
"""


@dataclass(frozen=True)
class HoldoutPlan:
    """One campaign: what a holdout of each share shows after so many months, in points.

    A None in `points` is that even the largest effect could not be told yet.
    """

    campaign: str
    label_ja: str
    people_a_month: float
    is_measured: bool  # else they are tonight's, of a campaign that has not sent yet
    base: float
    is_base_measured: bool
    points: dict[tuple[float, int], float | None]


def holdout_plans(con: duckdb.DuckDBPyConnection) -> Sequence[HoldoutPlan]:
    """Return the plan of each campaign of a published night, in the order of their priority."""
    ((assumed,),) = con.execute(ASSUMED).fetchall()
    # As the results show them: of too few, none.
    left_out = {
        each.name: each.holdout
        for each in pooled(campaign_results(con))
        if isinstance(each.holdout, Share) and each.holdout.count >= FEWEST
    }
    return [
        _plan(assumed, left_out.get(campaign), campaign, *row)
        for campaign, *row in con.execute(PEOPLE).fetchall()
    ]


def _plan(
    assumed: float,
    left_out: Share | None,
    campaign: str,
    label_ja: str,
    people: float,
    is_measured: bool,
) -> HoldoutPlan:
    share_who_come = left_out.count / left_out.of if left_out else assumed
    points = {
        (share, months): detectable(people * months, share, share_who_come)
        for share in SHARES
        for months in MONTHS
    }
    return HoldoutPlan(
        campaign, label_ja, people, is_measured, share_who_come, left_out is not None, points
    )
