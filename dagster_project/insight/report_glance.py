"""A month in a handful of figures: all campaigns together, as they may be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from dagster_project.insight.results import Result, of_several
from dagster_project.insight.shares import Shown

OPEN_UNTIL = (
    "select max(window_ends_on) from message_outcomes where arm = 'sent' and not is_window_over"
    " and cast(date_trunc('month', started_on) as date) = $month"
)
# A night that did not come, or a visit told of late, is made up for within the week.
RENEWED = (
    "select distinct cast(date_trunc('month', started_on) as date) as month from message_outcomes"
    " where arm = 'sent' and window_ends_on >= $until and started_on < $month order by month"
)
A_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Glance:
    """All campaigns' month together. Visits are credited once, to one message each."""

    month: date  # its first day
    planned: int
    sent: int
    messages: int
    pending: int
    opened: Shown
    clicked: Shown
    blocked: Shown
    credited: int | None  # None where none may be shown yet
    complete_on: date | None  # the night that counts the last of the pending; None without any


def glance_of(
    con: duckdb.DuckDBPyConnection, results: Sequence[Result], month: date
) -> Glance | None:
    """Return a published night's month, None where nothing was planned or sent in it."""
    own = [each for each in results if each.month == month and each.variant is None]
    if not own:
        return None
    credited = [each.credited for each in own if each.credited is not None]
    ((open_until,),) = con.execute(OPEN_UNTIL, {"month": month}).fetchall()
    return Glance(
        month=month,
        planned=sum(each.planned or 0 for each in own),
        sent=sum(each.sent for each in own),
        messages=sum(each.messages for each in own),
        pending=sum(each.pending for each in own),
        opened=of_several([each.opened for each in own]),
        clicked=of_several([each.clicked for each in own]),
        blocked=of_several([each.blocked for each in own]),
        credited=sum(credited) if credited else None,
        complete_on=open_until and open_until + timedelta(days=1),
    )


def months_renewed(con: duckdb.DuckDBPyConnection, as_of: date) -> list[date]:
    """Return the months before a night's own whose figures change yet, or did until a week ago.

    Nobody would write their pages again, and they would wait for their last windows for ever.
    """
    days = {"until": as_of - A_WEEK, "month": as_of.replace(day=1)}
    return [month for (month,) in con.execute(RENEWED, days).fetchall()]
