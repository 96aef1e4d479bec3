"""What the ledger knows of a day's messages that have reached nobody, as the gate asks it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from dagster_project.delivery.gate import Key, Planned
from dagster_project.ledger.approvals import Content
from dagster_project.ledger.tables import batch, intent, intent_patient
from dagster_project.line.wordings import Wordings
from dagster_project.publish import Build

# For statements that run for many intents at once; `which_one` says which.
ONE_INTENT = and_(
    intent.c.occurrence_id == bindparam("for_occurrence"),
    intent.c.line_user_id == bindparam("for_user"),
)


def which_one(key: Key) -> dict[str, object]:
    """Return what ONE_INTENT asks of an intent."""
    return {"for_occurrence": key[0], "for_user": key[1]}


def waiting_keys(con: Connection, clinic_id: str) -> set[Key]:
    """Return the messages of a clinic that are planned and in no batch."""
    query = select(intent.c.occurrence_id, intent.c.line_user_id).where(
        intent.c.clinic_id == clinic_id, intent.c.state == "planned"
    )
    rows: Sequence[Any] = con.execute(query).all()
    return {(occurrence_id, user) for occurrence_id, user in rows}


def waiting_contents(con: Connection, clinic_id: str, messages: Wordings) -> set[Content]:
    """Return which of `messages` a clinic's planned ones say that are in no batch."""
    query = select(intent.c.campaign, intent.c.content_version).where(
        intent.c.clinic_id == clinic_id, intent.c.state == "planned"
    )
    rows: Sequence[Any] = con.execute(query.distinct()).all()
    return {(campaign, version) for campaign, version in rows if version in messages}


def had_today(con: Connection, build: Build) -> list[tuple[str, str]]:
    """Return what each account has got, or is about to get, of this business day: its content."""
    rows: Sequence[Any] = con.execute(
        select(intent.c.line_user_id, intent.c.content_version).where(
            intent.c.clinic_id == build.clinic_id,
            intent.c.state == "batched",
            intent.c.as_of == build.as_of,
        )
    ).all()
    return [(line_user_id, version) for line_user_id, version in rows]


def read_planned(con: Connection, build: Build, *, state: str) -> list[Planned]:
    """Return a day's planned intents, or those in batches that have reached nobody."""
    chosen = [
        intent.c.clinic_id == build.clinic_id,
        intent.c.state == state,
        intent.c.as_of == build.as_of,
    ]
    waiting = select(batch.c.id).where(
        batch.c.clinic_id == build.clinic_id, batch.c.state == "frozen"
    )
    if state == "batched":
        chosen.append(intent.c.batch_id.in_(waiting))
    rows = con.execute(
        select(intent)
        .where(*chosen)
        .order_by(intent.c.priority, intent.c.occurrence_id, intent.c.line_user_id)
    ).all()
    same = and_(
        intent_patient.c.occurrence_id == intent.c.occurrence_id,
        intent_patient.c.line_user_id == intent.c.line_user_id,
    )
    patients: dict[Key, list[str]] = {}
    named: Sequence[Any] = con.execute(
        select(intent_patient).join(intent, same).where(*chosen)
    ).all()
    for occurrence_id, user, patient_id in named:
        patients.setdefault((occurrence_id, user), []).append(patient_id)
    return [
        Planned(
            key=(row.occurrence_id, row.line_user_id),
            purpose=row.purpose,
            patient_ids=patients.get((row.occurrence_id, row.line_user_id), []),
            campaign=row.campaign,
            priority=row.priority,
            content_version=row.content_version,
            variant=row.variant,
            build_id=row.build_id,
            batch_id=row.batch_id,
        )
        for row in rows
    ]
