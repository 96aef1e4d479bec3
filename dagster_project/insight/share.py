"""How a published night shared out what the month had left: what LINE said, and what waits."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from dagster_project.delivery.deferral import DEFERRED, deferred_in
from dagster_project.settings import TOKYO


@dataclass(frozen=True)
class Share:
    """What a night knew of the month's quota, and how many messages it put off.

    `left` is None without a limit; where `read_at` is None too, LINE has not said this month.
    """

    left: int | None
    read_at: datetime | None  # in Asia/Tokyo
    deferred: int
    until: date | None  # from which day on they come again


def read_share(con: duckdb.DuckDBPyConnection) -> Share:
    """Return how the published warehouse that is open shared out the month."""
    asked = con.execute("select messages_left, quota_read_at from clinic.contact_policy").fetchall()
    left, read_at = asked[0]
    ((until,),) = con.execute(
        "select min(because_on) from delivery_decisions where reason = $reason",
        {"reason": DEFERRED},
    ).fetchall()
    in_tokyo = read_at and read_at.replace(tzinfo=UTC).astimezone(TOKYO)
    return Share(left, in_tokyo, deferred_in(con), until)
