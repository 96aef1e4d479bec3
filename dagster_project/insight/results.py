"""What came of the messages, as it may be shown: every page, table and file reads it here.

The marts hold plain counts. Here groups that are too small lose theirs, shares are rounded, and
what LINE does not tell is said to be that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from dagster_project.insight.shares import Hidden, Share, Shown, share_of
from dagster_project.insight.uplift import Arm, Uplift, uplift

CAMPAIGNS = (
    "from campaign_results order by purpose, campaign, step,"
    " variant nulls first, month desc nulls first"
)
TAGS = (
    "select results.*, catalog.label_ja from tag_results as results"
    " left join tag_catalog as catalog on catalog.tag = results.tag"
    " order by results.tag, month desc nulls first"
)


@dataclass(frozen=True)
class Result:
    """One campaign's step, or one tag, of one month and wording; None is all of them together."""

    name: str
    label_ja: str
    purpose: str | None
    step: int | None
    variant: str | None
    month: date | None  # its first day
    planned: int | None  # patients; of a campaign alone
    sent: int  # patients
    messages: int
    pending: int  # of the sent, patients whose window is not over
    opened: Shown
    clicked: Shown
    blocked: Shown  # of the messages
    visited: Shown  # of the patients whose window is over
    booked: int | None
    credited: int | None  # of the visits, those that followed no later message of the clinic
    late_arrivals: int
    holdout: Shown  # of those left out, who came
    uplift: Uplift | None
    incremental_visits: float | None  # where there is an effect
    cost_yen: int  # at most, of the messages whose window is over

    @property
    def yen_per_visit(self) -> float | None:
        """Return what a visit cost that would not have been; None where none is shown to be."""
        if self.incremental_visits is None or self.incremental_visits <= 0:
            return None
        return self.cost_yen / self.incremental_visits


def campaign_results(con: duckdb.DuckDBPyConnection) -> list[Result]:
    """Return a published night's campaigns: all months first, then each; then each wording."""
    return _read(con, CAMPAIGNS, "campaign")


def tag_results(con: duckdb.DuckDBPyConnection) -> list[Result]:
    """Return a published night's tags: all months first, then each."""
    return _read(con, TAGS, "tag")


def pooled(results: Sequence[Result]) -> list[Result]:
    """Return those of all months and wordings together."""
    return [each for each in results if each.month is None and each.variant is None]


def of_several(shown: Sequence[Shown]) -> Shown:
    """Return the share of several groups together, of those of which one may be shown.

    Where it is of none, the reason is what any of them says, first what LINE does not tell.
    """
    shares = [each for each in shown if isinstance(each, Share)]
    if shares:
        return Share(sum(each.count for each in shares), sum(each.of for each in shares))
    return next((reason for reason in Hidden if reason in shown), Hidden.NOBODY)


def _read(con: duckdb.DuckDBPyConnection, query: str, name: str) -> list[Result]:
    smallest = smallest_group(con)
    found = con.execute(query)
    columns = [each[0] for each in found.description]
    rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    return [_result(row, name, smallest) for row in rows]


def smallest_group(con: duckdb.DuckDBPyConnection) -> int:
    """Return of how many people a figure may be shown, as of the night."""
    ((people,),) = con.execute(
        "select people from answer_rules cross join meta.build as build"
        " where rule = 'smallest_group' and valid_from <= build.as_of"
        " and coalesce(valid_to >= build.as_of, true)"
    ).fetchall()
    return int(people)


def _result(row: Mapping[str, Any], name: str, smallest: int) -> Result:
    over = row["sent"] - row["pending"]
    visited = share_of(row["visited"], over, smallest, _if_none(row["sent"]))
    holdout = share_of(
        row["holdout_visited"], row["holdout"], smallest, _if_none(row["holdout_pending"])
    )
    # Without figures of either arm, their difference would tell them.
    both = isinstance(visited, Share) and isinstance(holdout, Share)
    effect = uplift(_arm(row, "compared"), _arm(row, "holdout")) if both else None
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
        opened=_by_line(row, "opened", smallest),
        clicked=_by_line(row, "clicked", smallest),
        blocked=share_of(row["blocked"], row["messages"], smallest),
        visited=visited,
        booked=row["booked"] if isinstance(visited, Share) else None,
        credited=row["credited"] if isinstance(visited, Share) else None,
        late_arrivals=row["late_arrivals"],
        holdout=holdout,
        uplift=effect,
        incremental_visits=effect.points / 100 * over if effect and effect.is_told else None,
        cost_yen=round(row["cost_yen"] or 0),
    )


def _arm(row: Mapping[str, Any], arm: str) -> Arm:
    return Arm(row[arm], row[f"{arm}_visited"])


def _if_none(waiting: int) -> Hidden:
    return Hidden.NOT_YET if waiting else Hidden.NOBODY


def _by_line(row: Mapping[str, Any], what: str, smallest: int) -> Shown:
    """Return what LINE counted, of the messages it counted; it shows nothing of a small batch."""
    if row[what] is not None:
        return share_of(row[what], row[f"{what}_of"], smallest)
    # Where it shows who opened and not who pressed a link, those were too few.
    if row["hidden"] or row["opened_of"]:
        return Hidden.BY_LINE
    return Hidden.NOT_YET if row["messages"] else Hidden.NOBODY
