"""Overrides: a tag that staff add to, or take from, one patient, with a reason and a last day.

An override is in force from the business day it was made on to its last day, both
included, unless it was withdrawn. It is never deleted: it lapses by itself, and the
night that finds it lapsed says so in the audit, once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, insert, select, update

from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.store import reading, writing
from dagster_project.ledger.tables import override

LONGEST = timedelta(days=400)  # a year and a month: what holds longer is a rule, not an exception
Action = Literal["add", "remove"]


class OverrideError(Exception):
    """An override that cannot be made or withdrawn; the message says what to do."""


@dataclass(frozen=True)
class Wish:
    """An override somebody asks for."""

    patient_id: str
    tag: str
    action: Action
    reason: str
    made_by: str
    expires_on: date | None


@dataclass(frozen=True)
class Override:
    """An override as the ledger keeps it."""

    id: int
    clinic_id: str
    patient_id: str
    tag: str
    action: Action
    reason: str
    made_by: str
    made_on: date
    expires_on: date
    withdrawn_on: date | None
    lapsed_on: date | None

    @property
    def said(self) -> str:
        """Return what an audit line tells of it; the reason stays in its own row."""
        return f"{self.action} {self.tag}, patient {self.patient_id}, until {self.expires_on}"


@dataclass(frozen=True)
class Made:
    """What came of some wishes: the overrides made, and how many were in force already."""

    ids: Sequence[int]
    already: int


def make(
    engine: Engine, clinic_id: str, wishes: Sequence[Wish], made_on: date, now: datetime
) -> Made:
    """Write all of the overrides, or none, and return their ids.

    One that already holds, to the same day and for the same reason, is not made twice.
    Raises OverrideError without a reason, a name or a last day within reach.
    """
    days = [_last_day(wish, made_on) for wish in wishes]
    with writing(engine, clinic_id) as con:
        in_force = select(override).where(
            _is_open(clinic_id), override.c.made_on <= made_on, override.c.expires_on >= made_on
        )
        rows = con.execute(in_force.order_by(override.c.made_on, override.c.id)).mappings()
        # Of several for one patient and tag the newest decides, so only it can make one needless.
        newest = {_whose(row): _what(row) for row in rows}
        ids = []
        for wish, expires_on in zip(wishes, days, strict=True):
            values = {
                "clinic_id": clinic_id,
                "patient_id": wish.patient_id,
                "tag": wish.tag,
                "action": wish.action,
                "reason": wish.reason.strip(),
                "made_by": wish.made_by.strip(),
                "made_on": made_on,
                "expires_on": expires_on,
            }
            if newest.get(_whose(values)) == _what(values):
                continue
            newest[_whose(values)] = _what(values)
            done = con.execute(insert(override).values(**values))
            ids.append(int((done.inserted_primary_key or [0])[0]))
            _audit(con, _one(con, ids[-1]), "override_made", f"by {values['made_by']}", now)
    return Made(ids, len(wishes) - len(ids))


def withdraw(engine: Engine, override_id: int, by: str, day: date, now: datetime) -> Override:
    """End an override before its last day and return it.

    Raises OverrideError when there is none of that id, or when it has ended already.
    """
    _require_name(by)
    with reading(engine) as con:
        clinic_id = _one(con, override_id).clinic_id
    with writing(engine, clinic_id) as con:
        found = _one(con, override_id)
        if found.withdrawn_on:
            raise OverrideError(f"override {override_id} was withdrawn on {found.withdrawn_on}")
        if found.lapsed_on or found.expires_on < day:
            raise OverrideError(
                f"override {override_id} ended on {found.expires_on}: there is nothing to withdraw"
            )
        con.execute(update(override).where(override.c.id == override_id).values(withdrawn_on=day))
        _audit(con, found, "override_withdrawn", f"by {by.strip()}", now)
        return _one(con, override_id)


def lapse(engine: Engine, clinic_id: str, as_of: date, now: datetime) -> int:
    """Note each override whose last day is before a published night; return how many are new."""
    with writing(engine, clinic_id) as con:
        over = select(override).where(_is_open(clinic_id), override.c.expires_on < as_of)
        ended = [Override(**row) for row in con.execute(over.order_by(override.c.id)).mappings()]
        for each in ended:
            con.execute(update(override).where(override.c.id == each.id).values(lapsed_on=as_of))
            _audit(con, each, "override_lapsed", f"lapsed on {as_of}", now)
    return len(ended)


def lapsed_on(engine: Engine, clinic_id: str, as_of: date) -> int:
    """Return how many overrides of a clinic the night of this day found lapsed."""
    here = (override.c.clinic_id == clinic_id, override.c.lapsed_on == as_of)
    with reading(engine) as con:
        return con.execute(select(func.count()).select_from(override).where(*here)).scalar_one()


def overrides_of(engine: Engine, clinic_id: str) -> list[Override]:
    """Return all overrides a clinic ever made, the oldest first."""
    mine = select(override).where(override.c.clinic_id == clinic_id).order_by(override.c.id)
    with reading(engine) as con:
        return [Override(**row) for row in con.execute(mine).mappings()]


def overrides_for_warehouse(engine: Engine, clinic_id: str) -> list[tuple[object, ...]]:
    """Return the rows of `ledger.overrides`, in its order of columns.

    Without the reason: free text may name a disease, and the ledger is where it stays.
    """
    return [
        (o.id, o.patient_id, o.tag, o.action, o.made_on, o.expires_on, o.withdrawn_on)
        for o in overrides_of(engine, clinic_id)
    ]


def _last_day(wish: Wish, made_on: date) -> date:
    """Return the last day of a wish that may be granted."""
    if wish.action not in {"add", "remove"}:
        raise OverrideError(f"{wish.action!r} is neither add nor remove")
    if not wish.reason.strip():
        raise OverrideError("an override needs a reason: --reason TEXT (理由を書いてください)")
    _require_name(wish.made_by)
    last = made_on + LONGEST
    if wish.expires_on is None:
        raise OverrideError(
            f"an override needs a last day: --until YYYY-MM-DD, {last} at the latest"
            " (期限を書いてください)"
        )
    if not made_on <= wish.expires_on <= last:
        raise OverrideError(
            f"--until {wish.expires_on} is out of reach: choose a day from {made_on} to {last}"
            " (期限は今日から400日以内)"
        )
    return wish.expires_on


def _require_name(by: str) -> None:
    if not by.strip():
        raise OverrideError("an override needs a name: --by NAME (記入者を書いてください)")


def _is_open(clinic_id: str) -> ColumnElement[bool]:
    return and_(
        override.c.clinic_id == clinic_id,
        override.c.withdrawn_on.is_(None),
        override.c.lapsed_on.is_(None),
    )


def _whose(values: Mapping[Any, object]) -> tuple[object, object]:
    return values["patient_id"], values["tag"]


def _what(values: Mapping[Any, object]) -> tuple[object, object, object]:
    return values["action"], values["reason"], values["expires_on"]


def _one(con: Connection, override_id: int) -> Override:
    row = con.execute(select(override).where(override.c.id == override_id)).mappings().first()
    if row is None:
        raise OverrideError(f"no override {override_id}: see `tagline override list`")
    return Override(**row)


def _audit(con: Connection, what: Override, kind: str, detail: str, now: datetime) -> None:
    said = f"{what.said}, {detail}"
    write_audit(con, now, what.clinic_id, kind, f"override {what.id}", said)
