"""Tonight's plan, into the ledger: who would hear of what. Nothing leaves here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, insert, select, update

from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import intent, intent_patient
from dagster_project.publish import Build


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


@dataclass(frozen=True)
class PlanSummary:
    """What planning changed in the ledger."""

    planned: int
    withdrawn: int
    expired: int


def plan_night(engine: Engine, rows: Sequence[PlanRow], build: Build, now: datetime) -> PlanSummary:
    """Write tonight's intents and return what changed, in one transaction.

    An intent that was never sent may be planned again; one that is in a batch is
    history. Planned earlier today but no longer in the plan: withdrawn. Planned on
    an earlier day and never sent: expired. The same plan twice changes nothing.
    """
    wanted = {(row.occurrence_id, row.line_user_id): row for row in rows}
    at = stamp(now)
    with engine.begin() as con:
        open_before: Sequence[Any] = con.execute(
            select(intent.c.occurrence_id, intent.c.line_user_id, intent.c.as_of).where(
                intent.c.clinic_id == build.clinic_id, intent.c.state == "planned"
            )
        ).all()
        withdrawn = [key for *key, day in open_before if day == build.as_of]
        withdrawn = [key for key in withdrawn if tuple(key) not in wanted]
        expired = [key for *key, day in open_before if day < build.as_of]
        _close(con, withdrawn, "skipped", "no_longer_due", at)
        _close(con, expired, "expired", "window_missed", at)
        known = {
            (occurrence, user): state
            for occurrence, user, state in con.execute(
                select(intent.c.occurrence_id, intent.c.line_user_id, intent.c.state).where(
                    intent.c.clinic_id == build.clinic_id,
                    intent.c.occurrence_id.in_({row.occurrence_id for row in rows}),
                )
            )
        }
        fresh = [row for key, row in wanted.items() if key not in known]
        again = [row for key, row in wanted.items() if known.get(key, "batched") != "batched"]
        if fresh:
            con.execute(insert(intent), [_values(row, build, at) for row in fresh])
        for row in again:
            con.execute(
                update(intent)
                .where(_is(row.occurrence_id, row.line_user_id), intent.c.state != "batched")
                .values(**_values(row, build, at))
            )
        _set_patients(con, [*fresh, *again])
    return PlanSummary(len(fresh) + len(again), len(withdrawn), len(expired))


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
        "as_of": build.as_of,
        "build_id": build.build_id,
        "state": "planned",
        "reason": None,
        "changed_at": at,
    }


def _set_patients(con: Connection, rows: Sequence[PlanRow]) -> None:
    """Note for whom each message is; a plan made again may name other patients."""
    patients = []
    for row in rows:
        con.execute(
            delete(intent_patient).where(
                intent_patient.c.occurrence_id == row.occurrence_id,
                intent_patient.c.line_user_id == row.line_user_id,
            )
        )
        patients += [
            {
                "occurrence_id": row.occurrence_id,
                "line_user_id": row.line_user_id,
                "patient_id": patient_id,
            }
            for patient_id in row.patient_ids.split(",")
        ]
    if patients:
        con.execute(insert(intent_patient), patients)


def _close(
    con: Connection, keys: Sequence[Sequence[str]], state: str, reason: str, at: str
) -> None:
    for occurrence_id, line_user_id in keys:
        con.execute(
            update(intent)
            .where(_is(occurrence_id, line_user_id), intent.c.state == "planned")
            .values(state=state, reason=reason, changed_at=at)
        )


def _is(occurrence_id: str, line_user_id: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return and_(intent.c.occurrence_id == occurrence_id, intent.c.line_user_id == line_user_id)
