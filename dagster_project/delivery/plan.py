"""Tonight's plan, into the ledger: who would hear of what. Nothing leaves here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from dagster_project.delivery.deferral import DEFERRED
from dagster_project.delivery.planned import ONE_INTENT, which_one
from dagster_project.forget.hashes import Forgotten
from dagster_project.ledger.dead_letters import resends
from dagster_project.ledger.forgotten import forgotten_in
from dagster_project.ledger.store import stamp, writing
from dagster_project.ledger.tables import intent, intent_patient
from dagster_project.publish import Build

Key = tuple[str, str]  # occurrence_id, line_user_id
# What LINE may have seen, or refused for good, is never planned again.
CLOSED = {"batched", "rejected"}
PATIENTS_OF_ONE = and_(
    intent_patient.c.occurrence_id == bindparam("for_occurrence"),
    intent_patient.c.line_user_id == bindparam("for_user"),
)


@dataclass(frozen=True)
class PlanRow:
    """One row of `delivery_plan`: one message to one account, for one or more patients."""

    occurrence_id: str
    campaign: str
    step: int
    line_user_id: str
    patient_ids: str
    priority: int
    purpose: str
    content_version: str
    variant: str

    @property
    def key(self) -> Key:
        """Return what makes it one message: the occurrence and the account."""
        return self.occurrence_id, self.line_user_id


@dataclass(frozen=True)
class PlanSummary:
    """What planning changed in the ledger, in people, and what it left as it was."""

    planned: int
    withdrawn: int
    expired: int
    unchanged: int


@dataclass(frozen=True)
class _Known:
    state: str
    is_newer: bool
    is_same_build: bool


def plan_night(
    engine: Engine, rows: Sequence[PlanRow], build: Build, now: datetime, key: bytes = b""
) -> PlanSummary:
    """Write tonight's intents and return what changed, in one transaction.

    An intent that was never sent may be planned again; one that is in a batch is
    history. Planned earlier today but no longer in the plan: withdrawn. Planned on
    an earlier day and never sent: expired. The same plan twice changes nothing.
    Nobody is planned who was forgotten since the night. Raises ValueError, and writes nothing,
    when a row belongs to another clinic, and LostKeyError when `key` cannot tell who that is.
    """
    strangers = {row.occurrence_id for row in rows if not _is_of(row, build.clinic_id)}
    if strangers:
        message = f"{build.clinic_id}: the plan has occurrences of others: {sorted(strangers)[:3]}"
        raise ValueError(message)
    at = stamp(now)
    with writing(engine, build.clinic_id) as con:
        gone = forgotten_in(con, build.clinic_id, key)
        wanted = {row.key: row for row in rows if not _names(row, gone)}
        open_before: Sequence[Any] = con.execute(
            select(intent.c.occurrence_id, intent.c.line_user_id, intent.c.as_of).where(
                intent.c.clinic_id == build.clinic_id, intent.c.state == "planned"
            )
        ).all()
        kept = wanted.keys() | resends(con, build.clinic_id).keys()
        dropped = [(o, u) for o, u, day in open_before if day == build.as_of and (o, u) not in kept]
        missed = [(o, u) for o, u, day in open_before if day < build.as_of]
        _close(con, dropped, "skipped", "no_longer_due", at)
        _close(con, missed, "expired", "window_missed", at)
        known = _known(con, build, {row.occurrence_id for row in wanted.values()})
        fresh = [row for key, row in wanted.items() if key not in known]
        again = [row for key, row in wanted.items() if key in known and _is_open(known[key])]
        _forget(con, again)
        _add(con, [*fresh, *again], build, at)
    changed = len(fresh) + len(again)
    return PlanSummary(changed, len(dropped), len(missed), len(wanted) - changed)


def _is_of(row: PlanRow, clinic_id: str) -> bool:
    return row.occurrence_id.startswith(f"{clinic_id}/")


def _names(row: PlanRow, gone: Forgotten) -> bool:
    is_patient = any(map(gone.is_patient, row.patient_ids.split(",")))
    return is_patient or gone.is_account(row.line_user_id)


def _is_open(known: _Known) -> bool:
    is_tonights = known.state == "planned" and known.is_same_build
    return known.state not in CLOSED and not is_tonights and not known.is_newer


def _known(con: Connection, build: Build, occurrences: set[str]) -> dict[Key, _Known]:
    found: Sequence[Any] = con.execute(
        select(
            intent.c.occurrence_id,
            intent.c.line_user_id,
            intent.c.state,
            intent.c.as_of,
            intent.c.build_id,
        ).where(intent.c.clinic_id == build.clinic_id, intent.c.occurrence_id.in_(occurrences))
    ).all()
    return {
        (occurrence_id, user): _Known(state, day > build.as_of, build_id == build.build_id)
        for occurrence_id, user, state, day, build_id in found
    }


def _values(row: PlanRow, build: Build, at: str) -> dict[str, object]:
    return {
        "occurrence_id": row.occurrence_id,
        "line_user_id": row.line_user_id,
        "clinic_id": build.clinic_id,
        "campaign": row.campaign,
        "step": row.step,
        "purpose": row.purpose,
        "priority": row.priority,
        "content_version": row.content_version,
        "variant": row.variant,
        "as_of": build.as_of,
        "build_id": build.build_id,
        "state": "planned",
        "reason": None,
        "changed_at": at,
    }


def _forget(con: Connection, rows: Sequence[PlanRow]) -> None:
    """Make room for intents that are planned anew, perhaps for other patients."""
    which = [which_one(row.key) for row in rows]
    if which:
        con.execute(delete(intent_patient).where(PATIENTS_OF_ONE), which)
        con.execute(delete(intent).where(ONE_INTENT), which)


def _add(con: Connection, rows: Sequence[PlanRow], build: Build, at: str) -> None:
    if rows:
        con.execute(insert(intent), [_values(row, build, at) for row in rows])
        patients = [
            {
                "occurrence_id": row.occurrence_id,
                "line_user_id": row.line_user_id,
                "patient_id": patient_id,
            }
            for row in rows
            for patient_id in row.patient_ids.split(",")
        ]
        con.execute(insert(intent_patient), patients)


def _close(con: Connection, keys: Iterable[Key], state: str, reason: str, at: str) -> None:
    which = [which_one(key) for key in keys]
    # What waited for quota until its day was over says so.
    why_it_waited = case((intent.c.reason == DEFERRED, intent.c.reason))
    if which:
        con.execute(
            update(intent)
            .where(ONE_INTENT, intent.c.state == "planned")
            .values(state=state, reason=func.coalesce(why_it_waited, reason), changed_at=at),
            which,
        )
