"""Staff alerts in the ledger: written where something is found, and carried from there.

`alert` is the record of what was found; `staff_alert` has a row for each way of telling, which
is claimed before each try.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, exists, insert, select, update

from dagster_project.ledger.chat_tables import staff_alert
from dagster_project.ledger.store import reading, stamp, writing
from dagster_project.ledger.tables import alert

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True)
class Waiting:
    """An alert that has not arrived by one way, and how often that was tried."""

    clinic_id: str
    alert_id: str
    target: str  # webhook | mail | line
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


def write_alert(
    con: Connection, now: datetime, clinic_id: str, kind: str, subject: str, text: str
) -> bool:
    """Write an alert within a transaction and return whether it is new.

    One of the same kind and subject is never written twice: name what happened, and when,
    in `subject`. The text is for staff and names no patient.
    """
    if is_written(con, clinic_id, kind, subject):
        return False
    row = {"clinic_id": clinic_id, "kind": kind, "subject": subject, "text": text}
    con.execute(insert(alert), [row | {"made_at": stamp(now)}])
    return True


def raise_written(
    con: Connection,
    now: datetime,
    clinic_id: str,
    kind: str,
    subject: str,
    text: str,
    targets: Sequence[str],
) -> None:
    """Write an alert and raise it for each target at once; without any it waits for one."""
    is_new = write_alert(con, now, clinic_id, kind, subject, text)
    if is_new and targets:
        raise_alert(con, now, clinic_id, subject, kind, text, targets)
        same = (alert.c.clinic_id == clinic_id, alert.c.kind == kind, alert.c.subject == subject)
        con.execute(update(alert).where(*same).values(raised_at=stamp(now)))


def is_written(con: Connection, clinic_id: str, kind: str, subject: str) -> bool:
    """Return whether there is an alert of a kind about a subject."""
    same = (alert.c.clinic_id == clinic_id, alert.c.kind == kind, alert.c.subject == subject)
    return con.execute(select(alert.c.id).where(*same)).first() is not None


def alerts_since(con: Connection, clinic_id: str, moment: datetime) -> list[str]:
    """Return the texts of a clinic's alerts since an instant, the oldest first."""
    query = select(alert.c.text).where(
        alert.c.clinic_id == clinic_id, alert.c.made_at >= stamp(moment)
    )
    return list(con.execute(query.order_by(alert.c.id)).scalars())


def hand_over(engine: Engine, clinic_id: str, targets: Sequence[str], now: datetime) -> None:
    """Raise what was found and not raised yet, for each of some targets."""
    unraised = (alert.c.clinic_id == clinic_id, alert.c.raised_at.is_(None))
    with reading(engine) as con:
        found: Sequence[Any] = con.execute(select(alert).where(*unraised)).all()
    if not found or not targets:
        return
    with writing(engine, clinic_id) as con:
        for each in found:
            raise_alert(con, now, clinic_id, f"alert-{each.id}", each.kind, each.text, targets)
            raised = update(alert).where(alert.c.id == each.id).values(raised_at=stamp(now))
            con.execute(raised)


def is_untold(engine: Engine, clinic_id: str, targets: Sequence[str], now: datetime) -> bool:
    """Return whether something is to be told now that some targets have not heard."""
    unraised = exists().where(alert.c.clinic_id == clinic_id, alert.c.raised_at.is_(None))
    with reading(engine) as con:
        is_new = bool(targets) and bool(con.execute(select(unraised)).scalar_one())
    return is_new or bool(waiting(engine, clinic_id, now))


def _this(row: Waiting) -> tuple[ColumnElement[bool], ...]:
    names = ("clinic_id", "alert_id", "target")
    return tuple(staff_alert.c[name] == getattr(row, name) for name in names)
