"""Staff alerts in the ledger: raised with what they tell of, and claimed before each try."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, insert, select, update

from dagster_project.ledger.store import reading, stamp, writing
from dagster_project.ledger.tables import staff_alert

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True)
class Waiting:
    """An alert that has not arrived by one way, and how often that was tried."""

    clinic_id: str
    alert_id: str
    target: str  # webhook | mail
    kind: str
    text: str
    raised_at: str
    tries: int


def raise_alert(
    con: Connection,
    now: datetime,
    clinic_id: str,
    alert_id: str,
    kind: str,
    text: str,
    targets: Sequence[str],
) -> None:
    """Add an alert for each target, within the transaction of what it tells; once for each id."""
    here = (staff_alert.c.clinic_id == clinic_id, staff_alert.c.alert_id == alert_id)
    known: set[str] = set(con.execute(select(staff_alert.c.target).where(*here)).scalars())
    row = {"clinic_id": clinic_id, "alert_id": alert_id, "kind": kind, "text": text}
    row |= {"raised_at": stamp(now), "next_try_at": stamp(now)}
    if new := [{**row, "target": each, "tries": 0} for each in targets if each not in known]:
        con.execute(insert(staff_alert), new)


def waiting(engine: Engine, clinic_id: str, now: datetime) -> list[Waiting]:
    """Return the clinic's alerts whose next try has come, oldest first."""
    due = (
        staff_alert.c.clinic_id == clinic_id,
        staff_alert.c.sent_at.is_(None),
        staff_alert.c.next_try_at <= stamp(now),
    )
    columns = (staff_alert.c[each.name] for each in fields(Waiting))
    with reading(engine) as con:
        found: Sequence[Any] = con.execute(select(*columns).where(*due).order_by("raised_at")).all()
    return [Waiting(*each) for each in found]


def claim(engine: Engine, row: Waiting, now: datetime) -> bool:
    """Return whether this process may try now; if it dies trying, another does after a while."""
    wait = min(FIRST_WAIT * 2 ** min(row.tries, 10), LONGEST_WAIT)
    with writing(engine, row.clinic_id) as con:
        done = con.execute(
            update(staff_alert)
            .where(*_this(row), staff_alert.c.sent_at.is_(None), staff_alert.c.tries == row.tries)
            .values(tries=row.tries + 1, next_try_at=stamp(now + wait))
        )
    return done.rowcount == 1


def mark_sent(engine: Engine, row: Waiting, now: datetime) -> None:
    """Write that an alert arrived."""
    with writing(engine, row.clinic_id) as con:
        con.execute(update(staff_alert).where(*_this(row)).values(sent_at=stamp(now)))


def _this(row: Waiting) -> tuple[ColumnElement[bool], ...]:
    names = ("clinic_id", "alert_id", "target")
    return tuple(staff_alert.c[name] == getattr(row, name) for name in names)
