"""What the messages of a back-test would have cost, and who came in their windows without them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.insight.results import smallest_group
from dagster_project.insight.shares import Hidden, Shown, share_of
from dagster_project.insight.suppression import hidden_parts

Part = tuple[date | None, int | None]  # a month, or a step, or neither: all of them
SQL = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class Total:
    """All messages, or those of one month or of one step of a scenario."""

    month: date | None  # its first day
    step: int | None
    messages: int
    told: int  # patients, each once for every message they would have had
    people: int
    pending: int  # of those told, whose window is not over
    came: Shown  # of those whose window is over


def read_totals(con: duckdb.DuckDBPyConnection) -> list[Total]:
    """Return each month, then each step, and last all of them."""
    smallest = smallest_group(con)
    rows = con.execute(SQL.read_text(encoding="utf-8")).fetchall()
    over_of = {(month, step): over for month, step, *_, over, _ in rows}
    hidden = _hidden(over_of, smallest)
    return [
        Total(
            month,
            step,
            messages,
            told,
            people,
            pending=told - over,
            came=Hidden.TOO_FEW
            if over and (month, step) in hidden
            else share_of(came, over, smallest, Hidden.NOT_YET if told else Hidden.NOBODY),
        )
        for month, step, messages, told, people, over, came in rows
    ]


def _hidden(over_of: Mapping[Part, int], smallest: int) -> set[Part]:
    """Return the months and steps that are not shown: both add up to all of them."""
    months, steps = (
        {part: {"over": over} for part, over in over_of.items() if part[at] is not None}
        for at in (0, 1)
    )
    return hidden_parts(months, smallest) | hidden_parts(steps, smallest)
