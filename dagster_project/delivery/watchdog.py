"""The watchdog: of a day that is green and silent a person is told, and of what is not done.

By the morning the night of the day must be published, or there is time to mend it until the window
opens. After it has closed the published plan must be in the ledger, and everything planned must be
done. A killed night, or one that was never started, fails nowhere: only its absence shows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from dagster_project.clinic import MORNING, Clinic
from dagster_project.ledger.alerts import is_written, write_alert
from dagster_project.ledger.store import reading, writing
from dagster_project.ledger.tables import batch, intent
from dagster_project.publish import LAYOUT, read_build, reading_published
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

    kind: str  # no_night | undone | silent
    text: str


def has_news(engine: Engine, clinic: Clinic, now: datetime, published: Path | None = None) -> bool:
    """Return whether the watchdog would find something nobody has been told of yet.

    `published` is where the clinic's nights are, None where the clock is not on its business day.
    """
    day = now.astimezone(TOKYO).date()
    with reading(engine) as con:
        return any(
            not is_written(con, clinic.clinic_id, each.kind, str(day))
            for each in _findings(con, clinic, now, published)
        )


def watch(
    engine: Engine, clinic: Clinic, now: datetime, published: Path | None = None
) -> list[Finding]:
    """Write an alert for each thing found of today that is new, and return those."""
    day = now.astimezone(TOKYO).date()
    with writing(engine, clinic.clinic_id) as con:
        return [
            each
            for each in _findings(con, clinic, now, published)
            if write_alert(con, now, clinic.clinic_id, each.kind, str(day), each.text)
        ]


def _findings(
    con: Connection, clinic: Clinic, now: datetime, published: Path | None
) -> Iterator[Finding]:
    here = now.astimezone(TOKYO)
    day, window = here.date(), clinic.send_window
    if not clinic.calendar.is_open(day):
        return
    build = read_build(published) if published else None
    is_there = build is not None and build.as_of == day
    if published and not is_there and here.time() >= min(MORNING, window.opens):
        last = f"最後は {build.as_of}" if build else "まだ一度もありません"
        yield Finding("no_night", f"{day}: 今日の夜が公開されていません ({last})。何も送りません")
    if here < datetime.combine(day, window.closes, TOKYO) + PATIENCE:
        return
    fates = _fates(con, clinic.clinic_id, day)
    yield from _unfinished(day, fates)
    if published and build and is_there and build.layout == LAYOUT and not fates:
        messages = _messages(published)
        if messages:
            said = f"計画 {messages} 通が公開されたのに、台帳に1通もありません"
            yield Finding("silent", f"{day}: {said}")


def _unfinished(day: date, fates: Counter[tuple[str, str | None]]) -> Iterator[Finding]:
    """Yield what is left over of a day's plan, and that nobody at all was written to."""
    undone = Counter[str]()
    for (state, reason), people in fates.items():
        if state not in DONE:
            undone[f"{STATES_JA[state]}{f' ({reason})' if reason else ''}"] += people
    planned, left = fates.total(), undone.total()
    if left:
        listed = "、".join(f"{what} {people} 人" for what, people in sorted(undone.items()))
        yield Finding("undone", f"{day}: 計画 {planned} 人のうち {left} 人が未了: {listed}")
    # Green but silent: whatever the runs say, nobody heard anything, and no gate said why.
    reached = sum(people for (state, _), people in fates.items() if state != "skipped")
    if planned and not reached:
        reasons = sorted({str(reason) for _, reason in fates})
        why = f"理由: {', '.join(reasons)}"
        yield Finding("silent", f"{day}: 計画 {planned} 人の全員が見送り。{why}")


def _messages(published: Path) -> int:
    with reading_published(published) as con:
        return int(con.execute("select count(*) from delivery_plan").fetchall()[0][0])


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
