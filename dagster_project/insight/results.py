"""What came of the messages, as it may be shown: every page, table and file reads it here.

The marts hold plain counts. Here groups that are too small lose theirs, and so do those by which a
small one could be reckoned (`hidden_results.py`); shares are rounded, and what LINE does not tell
is said to be that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import duckdb

from dagster_project.insight.hidden_results import (
    UPLIFT,
    Row,
    cell,
    hidden_of_campaigns,
    hidden_of_purposes,
    hidden_of_tags,
    people,
)
from dagster_project.insight.hidden_results import Hidden as HiddenCells
from dagster_project.insight.shares import Hidden, Share, Shown, share_of
from dagster_project.insight.uplift import Arm, Uplift, uplift
from dagster_project.insight.wordings import AgainstA, against_a

CAMPAIGNS = (
    "from campaign_results order by purpose, campaign, step,"
    " variant nulls first, month desc nulls first"
)
TAGS = (
    "select results.*, catalog.label_ja from tag_results as results"
    " left join tag_catalog as catalog on catalog.tag = results.tag"
    " order by results.tag, month desc nulls first"
)
# By month they would tell who was told by several campaigns, and of what: few, as often as not.
PURPOSES = "from purpose_results where month is null order by purpose"


@dataclass(frozen=True)
class Result:
    """One campaign's step, a tag or a purpose, of a month and wording; None is all of them."""

    name: str
    label_ja: str
    purpose: str | None
    step: int | None
    variant: str | None
    month: date | None  # its first day
    planned: int | None  # patients; of a campaign alone
    sent: int  # patients; of a purpose each once in a window
    messages: int
    pending: int  # of the sent, patients whose window is not over
    opened: Shown
    clicked: Shown
    blocked: Shown  # of the messages
    visited: Shown  # of the patients whose window is over
    booked: int | None  # None, too, where the clinic exports no bookings
    has_bookings: bool
    credited: int | None  # of the visits, those that followed no later message of the clinic
    late_arrivals: int | None  # None where they are too few to say
    holdout: Shown  # of those left out, who came
    uplift: Uplift | None
    incremental_visits: float | None  # where there is an effect
    cost_yen: int  # at most, of the messages whose window is over
    against_a: AgainstA | None = None  # of text b, all months

    @property
    def yen_per_visit(self) -> float | None:
        """Return what a visit cost that would not have been; None where none is shown to be."""
        if self.incremental_visits is None or self.incremental_visits <= 0:
            return None
        return self.cost_yen / self.incremental_visits


def campaign_results(con: duckdb.DuckDBPyConnection) -> list[Result]:
    """Return a published night's campaigns: all months first, then each; then each wording.

    A campaign's step that has gone out in one wording has no rows of it.
    """
    smallest = smallest_group(con)
    rows = _rows(con, CAMPAIGNS)
    hidden = hidden_of_campaigns(rows, smallest)
    steps: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        steps.setdefault((row["campaign"], row["step"]), []).append(row)
    found = []
    for own in steps.values():
        compared = against_a(own, hidden, smallest)
        is_alone = len({row["variant"] for row in own} - {None}) < 2
        for row in own:
            if row["variant"] is None or not is_alone:
                result = _result(row, "campaign", hidden, smallest)
                is_b = (row["variant"], row["month"]) == ("b", None)
                found.append(replace(result, against_a=compared) if is_b else result)
    return found


def tag_results(con: duckdb.DuckDBPyConnection) -> list[Result]:
    """Return a published night's tags: all months first, then each."""
    behind: dict[str, set[str]] = {}
    for campaign, named in con.execute("select campaign, tags from campaigns").fetchall():
        for tag in named.strip(",").split(","):
            behind.setdefault(tag, set()).add(campaign)
    smallest = smallest_group(con)
    rows, campaigns = _rows(con, TAGS), _rows(con, CAMPAIGNS)
    of_campaigns = hidden_of_campaigns(campaigns, smallest)
    hidden = hidden_of_tags(rows, behind, campaigns, of_campaigns, smallest)
    return [_result(row, "tag", hidden, smallest) for row in rows]


def purpose_results(con: duckdb.DuckDBPyConnection) -> list[Result]:
    """Return a published night's purposes, of all months together."""
    smallest = smallest_group(con)
    rows, campaigns = _rows(con, PURPOSES), _rows(con, CAMPAIGNS)
    of_campaigns = hidden_of_campaigns(campaigns, smallest)
    hidden = hidden_of_purposes(rows, campaigns, of_campaigns, smallest)
    return [_result(row, "purpose", hidden, smallest) for row in rows]


def pooled(results: Sequence[Result]) -> list[Result]:
    """Return those of all months and wordings together."""
    return [each for each in results if each.month is None and each.variant is None]


def wordings(results: Sequence[Result]) -> list[Result]:
    """Return those of all months of each wording of an A/B test."""
    return [each for each in results if each.month is None and each.variant is not None]


def of_several(shown: Sequence[Shown]) -> Shown:
    """Return the share of several groups together, of those of which one may be shown.

    Where it is of none, the reason is what any of them says, first what LINE does not tell.
    """
    shares = [each for each in shown if isinstance(each, Share)]
    if shares:
        return Share(sum(each.count for each in shares), sum(each.of for each in shares))
    return next((reason for reason in Hidden if reason in shown), Hidden.NOBODY)


def smallest_group(con: duckdb.DuckDBPyConnection) -> int:
    """Return of how many people a figure may be shown, as of the night."""
    ((smallest,),) = con.execute(
        "select people from answer_rules cross join meta.build as build"
        " where rule = 'smallest_group' and valid_from <= build.as_of"
        " and coalesce(valid_to >= build.as_of, true)"
    ).fetchall()
    return int(smallest)


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found = con.execute(query)
    columns = [each[0] for each in found.description]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def _result(row: Row, name: str, hidden: HiddenCells, smallest: int) -> Result:
    own, over = cell(row, name), people(row, "visited")

    def shown(figure: str, count: int, if_none: Hidden = Hidden.NOBODY) -> Shown:
        found = share_of(count, people(row, figure), smallest, if_none)
        return Hidden.TOO_FEW if isinstance(found, Share) and (own, figure) in hidden else found

    def by_line(figure: str) -> Shown:
        """Return what LINE counted of its messages; it shows nothing of a small batch."""
        if row[figure] is not None:
            return shown(figure, row[figure])
        # Where it shows who opened and not who pressed a link, those were too few.
        if row["hidden"] or row["opened_of"]:
            return Hidden.BY_LINE
        return Hidden.NOT_YET if row["messages"] else Hidden.NOBODY

    visited = shown("visited", row["visited"], _if_none(row["sent"]))
    holdout = shown("holdout", row["holdout_visited"], _if_none(row["holdout_pending"]))
    if row.get("variant") is not None or (name == "tag" and row["month"] is not None):
        holdout = Hidden.OF_ALL
    # Without figures of either arm, their difference would tell them.
    both = isinstance(visited, Share) and isinstance(holdout, Share)
    is_told = both and (own, UPLIFT) not in hidden
    effect = uplift(_arm(row, "compared"), _arm(row, "holdout")) if is_told else None
    late = shown("late_arrivals", row["late_arrivals"])
    return Result(
        name=row[name],
        label_ja=row["label_ja"] or row[name],
        purpose=row.get("purpose"),
        step=row.get("step"),
        variant=row.get("variant"),
        month=row["month"],
        planned=row.get("planned"),
        sent=row["sent"],
        messages=row["messages"],
        pending=row["pending"],
        opened=by_line("opened"),
        clicked=by_line("clicked"),
        blocked=shown("blocked", row["blocked"]),
        visited=visited,
        booked=row["booked"] if isinstance(visited, Share) else None,
        has_bookings=row["booked"] is not None,
        # A message inside another's window is none of a purpose's people, and has its visits.
        credited=row["credited"] if isinstance(visited, Share) and name != "purpose" else None,
        late_arrivals=None if late is Hidden.TOO_FEW else row["late_arrivals"],
        holdout=holdout,
        uplift=effect,
        incremental_visits=effect.points / 100 * over if effect and effect.is_told else None,
        cost_yen=round(row["cost_yen"] or 0),
    )


def _arm(row: Row, arm: str) -> Arm:
    return Arm(row[arm], row[f"{arm}_visited"])


def _if_none(waiting: int) -> Hidden:
    return Hidden.NOT_YET if waiting else Hidden.NOBODY
