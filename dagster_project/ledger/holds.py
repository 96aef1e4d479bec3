"""Holds: what must not be sent, by whose word, until somebody ends it. Rows are never deleted.

The gate reads them in the very transaction in which a batch is about to leave.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Engine, and_, insert, select, update

from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.store import moment_of, reading, stamp
from dagster_project.ledger.tables import hold

EVERY_CLINIC = "*"
EVERYTHING = "all"
SUBJECTS_JA = {"patient": "患者", "campaign": "配信", EVERYTHING: "すべて"}
Kind = Literal["stop", "breaker", "veto"]


class HoldError(Exception):
    """A hold that cannot be placed or ended; the message says what to do."""


@dataclass(frozen=True)
class Hold:
    """One hold in force; `subject` is what it is about, `all` for everything of the clinic."""

    id: int
    clinic_id: str
    kind: str
    subject: str
    reason: str
    made_by: str
    made_at: str

    @property
    def said(self) -> str:
        """Return who holds it and why, in one line for staff."""
        made = moment_of(self.made_at)
        return f"{self.reason} ({self.made_by}, {made:%Y-%m-%d %H:%M})"

    @property
    def subject_ja(self) -> str:
        """Return what it is about, for staff."""
        scope, which = _split(self.subject)
        return f"{SUBJECTS_JA.get(scope, scope)} {which}".strip()


def place(
    con: Connection,
    clinic_id: str,
    kind: Kind,
    reason: str,
    made_by: str,
    now: datetime,
    subject: str = EVERYTHING,
) -> bool:
    """Hold a thing back and return whether it was free until now.

    One that is held already stays as it is: who was first, and why, is not written over.
    Raises HoldError without a name or a reason.
    """
    _require(made_by, reason)
    if con.execute(select(hold.c.id).where(_open(clinic_id, kind, subject))).first():
        return False
    row = {"clinic_id": clinic_id, "kind": kind, "subject": subject, "reason": reason.strip()}
    con.execute(insert(hold), [row | {"made_by": made_by.strip(), "made_at": stamp(now)}])
    write_audit(con, now, clinic_id, f"{kind}_placed", subject, f"by {made_by.strip()}")
    return True


def end(
    con: Connection,
    clinic_id: str,
    kind: Kind,
    reason: str,
    ended_by: str,
    now: datetime,
    subject: str = EVERYTHING,
) -> bool:
    """End a hold and return whether there was one. Raises HoldError without a name or a reason."""
    _require(ended_by, reason)
    done = con.execute(
        update(hold)
        .where(_open(clinic_id, kind, subject))
        .values(ended_by=ended_by.strip(), ended_reason=reason.strip(), ended_at=stamp(now))
    )
    if done.rowcount:
        write_audit(con, now, clinic_id, f"{kind}_ended", subject, f"by {ended_by.strip()}")
    return bool(done.rowcount)


def in_force(con: Connection, clinic_id: str, *kinds: Kind) -> list[Hold]:
    """Return what holds a clinic back now, its own and what holds every clinic, oldest first."""
    columns = [hold.c[name] for name in Hold.__dataclass_fields__]
    mine = and_(
        hold.c.clinic_id.in_((clinic_id, EVERY_CLINIC)),
        hold.c.kind.in_(kinds),
        hold.c.ended_at.is_(None),
    )
    rows = con.execute(select(*columns).where(mine).order_by(hold.c.id))
    return [Hold(**row._mapping) for row in rows]


def vetoes_for_warehouse(engine: Engine, clinic_id: str) -> list[tuple[str, str]]:
    """Return the rows of `ledger.vetoes`, the scope being patient or campaign."""
    with reading(engine) as con:
        return [_split(each.subject) for each in in_force(con, clinic_id, "veto")]


def _split(subject: str) -> tuple[str, str]:
    scope, _, which = subject.partition(" ")
    return scope, which


def _open(clinic_id: str, kind: Kind, subject: str) -> ColumnElement[bool]:
    return and_(
        hold.c.clinic_id == clinic_id,
        hold.c.kind == kind,
        hold.c.subject == subject,
        hold.c.ended_at.is_(None),
    )


def _require(name: str, reason: str) -> None:
    if not name.strip():
        raise HoldError("this needs a name: --by NAME (記入者を書いてください)")
    if not reason.strip():
        raise HoldError("this needs a reason: --reason TEXT (理由を書いてください)")
