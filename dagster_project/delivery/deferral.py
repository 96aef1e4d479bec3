"""Messages that wait for quota: how a night, the ledger and staff say that they do."""

from collections.abc import Sequence
from datetime import date, datetime

import duckdb
from sqlalchemy import Connection, and_, update

from dagster_project.delivery.gate import Key
from dagster_project.delivery.planned import ONE_INTENT, which_one
from dagster_project.ledger.alerts import write_alert
from dagster_project.ledger.batches import batches_in, take_back
from dagster_project.ledger.tables import intent

DEFERRED = "deferred_by_quota"


def take_back_all(con: Connection, clinic_id: str, at: str) -> int:
    """Take back every batch that has reached nobody and still may leave; return their people."""
    frozen = [row for row in batches_in(con, clinic_id, "frozen") if row.not_after > at]
    return sum(row.recipients for row in frozen if take_back(con, row.id, "planned", DEFERRED, at))


def put_off(con: Connection, clinic_id: str, keys: Sequence[Key], at: str) -> None:
    """Let the ledger say which planned messages wait for quota, and of no other that it does."""
    mine = and_(intent.c.clinic_id == clinic_id, intent.c.state == "planned")
    ended = and_(mine, intent.c.reason == DEFERRED)
    con.execute(update(intent).where(ended).values(reason=None, changed_at=at))
    if keys:
        waits = update(intent).where(mine, ONE_INTENT).values(reason=DEFERRED, changed_at=at)
        con.execute(waits, [which_one(key) for key in keys])


def deferred_in(con: duckdb.DuckDBPyConnection) -> int:
    """Return how many messages a published night put off until the next month."""
    query = (
        "select count(distinct (occurrence_id, line_user_id)) from delivery_decisions"
        " where reason = $reason"
    )
    return int(con.execute(query, {"reason": DEFERRED}).fetchall()[0][0])


def say_what_is_deferred(
    con: Connection, clinic_id: str, as_of: date, messages: int, now: datetime
) -> None:
    """Tell staff, once a business day, that messages wait for the next month, or for more quota."""
    first = next_month(as_of)
    text = (
        f"{as_of}: 今月の残り通数に入らない {messages} 通を {first} 以降に延ばしました。"
        "通数を追加すれば、次の夜から送ります"
    )
    write_alert(con, now, clinic_id, "quota", str(as_of), text)


def next_month(day: date) -> date:
    """Return the first day of the month after a day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
