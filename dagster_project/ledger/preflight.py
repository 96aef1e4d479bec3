"""The last look at a clinic's channel before its window, kept for the sheet and the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, delete, insert, select

from dagster_project.ledger.channel_tables import preflight
from dagster_project.ledger.store import moment_of, reading, stamp

# As it should be; to be looked at; some messages wait; nothing leaves.
Level = Literal["ok", "warn", "hold", "stop"]
LEVELS_JA: dict[str, str] = {"ok": "良", "warn": "注意", "hold": "保留", "stop": "停止"}
WHAT_JA = {
    "token": "チャネル",
    "quota": "残り通数",
    "units": "集計単位",
    "webhook": "Webhook",
    "content": "文面",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what, how it stands, and what staff are told of it."""

    what: str  # a key of WHAT_JA
    level: Level
    said: str

    @property
    def is_ready(self) -> bool:
        """Return whether nothing is held back or stopped by it."""
        return self.level in {"ok", "warn"}


@dataclass(frozen=True)
class Look:
    """One look at a channel: what was found, and when in Asia/Tokyo, if ever."""

    findings: Sequence[Finding] = ()
    looked_at: datetime | None = None


def keep_look(con: Connection, clinic_id: str, findings: Sequence[Finding], now: datetime) -> None:
    """Put a look in the place of the one before, within a transaction."""
    con.execute(delete(preflight).where(preflight.c.clinic_id == clinic_id))
    rows = [
        {"clinic_id": clinic_id, "position": at, "looked_at": stamp(now), **vars(each)}
        for at, each in enumerate(findings)
    ]
    con.execute(insert(preflight), rows)


def last_look(engine: Engine, clinic_id: str) -> Look:
    """Return the last look at a clinic's channel, an empty one before the first."""
    mine = preflight.c.clinic_id == clinic_id
    with reading(engine) as con:
        query = select(preflight).where(mine).order_by(preflight.c.position)
        rows: Sequence[Any] = con.execute(query).all()
    if not rows:
        return Look()
    findings = [Finding(row.what, row.level, row.said) for row in rows]
    return Look(findings, moment_of(rows[0].looked_at))
