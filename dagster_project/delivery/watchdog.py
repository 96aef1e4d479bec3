"""The watchdog: after the window, everything planned for the day must be done, or a person told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from dagster_project.clinic import Clinic
from dagster_project.ledger.alerts import is_written, write_alert
from dagster_project.ledger.store import reading, writing
from dagster_project.ledger.tables import batch, intent
from dagster_project.settings import TOKYO

PATIENCE = timedelta(minutes=15)  # after the window has closed
DONE = {"accepted", "skipped", "rejected"}
STATES_JA = {
    "planned": "計画のまま",
    "frozen": "送信待ち",
    "sending": "応答待ち",
    "unknown": "届いたか不明",
    "expired": "期限切れ",
}


@dataclass(frozen=True)
class Finding:
    """One thing a person must be told of a day."""

    kind: str  # undone | silent
    text: str


def is_due(clinic: Clinic, now: datetime) -> bool:
    """Return whether a clinic's window of today has been closed for long enough to judge it."""
    here = now.astimezone(TOKYO)
    closes = datetime.combine(here.date(), clinic.send_window.closes, TOKYO)
    return clinic.calendar.is_open(here.date()) and here >= closes + PATIENCE


def has_news(engine: Engine, clinic: Clinic, now: datetime) -> bool:
    """Return whether the watchdog would find something nobody has been told of yet."""
    if not is_due(clinic, now):
        return False
    day = now.astimezone(TOKYO).date()
    with reading(engine) as con:
        return any(
            not is_written(con, clinic.clinic_id, each.kind, str(day))
            for each in _findings(con, clinic.clinic_id, day)
        )


def watch(engine: Engine, clinic: Clinic, now: datetime) -> list[Finding]:
    """Write an alert for each thing found of today that is new, and return those."""
    if not is_due(clinic, now):
        return []
    day = now.astimezone(TOKYO).date()
    with writing(engine, clinic.clinic_id) as con:
        return [
            each
            for each in _findings(con, clinic.clinic_id, day)
            if write_alert(con, now, clinic.clinic_id, each.kind, str(day), each.text)
        ]


def _findings(con: Connection, clinic_id: str, day: date) -> list[Finding]:
    fates = _fates(con, clinic_id, day)
    undone = Counter[str]()
    for (state, reason), people in fates.items():
        if state not in DONE:
            undone[f"{STATES_JA[state]}{f' ({reason})' if reason else ''}"] += people
    planned, left = fates.total(), undone.total()
    found = []
    if left:
        listed = "、".join(f"{what} {people} 人" for what, people in sorted(undone.items()))
        found.append(Finding("undone", f"{day}: 計画 {planned} 人のうち {left} 人が未了: {listed}"))
    # Green but silent: whatever the runs say, nobody heard anything, and no gate said why.
    reached = sum(people for (state, _), people in fates.items() if state != "skipped")
    if planned and not reached:
        reasons = sorted({str(reason) for _, reason in fates})
        why = f"理由: {', '.join(reasons)}"
        found.append(Finding("silent", f"{day}: 計画 {planned} 人の全員が見送り。{why}"))
    return found


def _fates(con: Connection, clinic_id: str, day: date) -> Counter[tuple[str, str | None]]:
    """Count a day's people by what became of them, and why where somebody said so."""
    of_batch = (intent.c.state == "batched") & (batch.c.id == intent.c.batch_id)
    state = func.coalesce(batch.c.state, intent.c.state)
    reason = func.coalesce(batch.c.reason, intent.c.reason)
    rows: Sequence[Any] = con.execute(
        select(state, reason, func.count())
        .select_from(intent.outerjoin(batch, of_batch))
        .where(intent.c.clinic_id == clinic_id, intent.c.as_of == day)
        .group_by(state, reason)
    ).all()
    return Counter({(state, reason): people for state, reason, people in rows})
