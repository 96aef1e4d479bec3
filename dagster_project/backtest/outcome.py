"""What the messages of a back-test would have cost, and who came in their windows without them."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.insight.results import smallest_group
from dagster_project.insight.shares import Hidden, Shown, share_of

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
    return [
        Total(
            month,
            step,
            messages,
            told,
            people,
            pending=told - over,
            came=share_of(came, over, smallest, Hidden.NOT_YET if told else Hidden.NOBODY),
        )
        for month, step, messages, told, people, over, came in con.execute(
            SQL.read_text(encoding="utf-8")
        ).fetchall()
    ]
