"""Planned intents through the gate into frozen batches, in one transaction.

After this nobody can be added, dropped or moved: LINE asks that a retry equal its
original, and only an unchanging batch can be told to be one.
"""

import base64
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from dagster_project.delivery.gate import Consent, Key, Planned, refusals
from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import batch, intent, intent_patient
from dagster_project.line.body import render_body
from dagster_project.line.messages import Message
from dagster_project.publish import Build

MAX_BATCH = 500  # recipients of one multicast
NAMESPACE = uuid.UUID("6d5f6f0e-6f3c-5b5e-9a55-7f1c1d6a2b10")


@dataclass(frozen=True)
class FreezeSummary:
    """How many intents were frozen, and how many the gate turned away."""

    frozen: int
    refused: int


def freeze(
    engine: Engine,
    build: Build,
    still_planned: Mapping[Key, Sequence[str]],
    reachable: set[Consent],
    messages: Mapping[str, Sequence[Message]],
    not_after: datetime,
    now: datetime,
) -> FreezeSummary:
    """Freeze a clinic's planned intents of this build's day and return how many.

    `messages` holds each campaign's content by its version. A campaign whose content
    is not the planned one is not frozen: it stays planned, and the next plan decides.
    """
    at = stamp(now)
    with engine.begin() as con:
        planned = _planned(con, build)
        refused = refusals([each for each, _ in planned], still_planned, reachable)
        for (occurrence_id, user), reason in refused.items():
            con.execute(
                update(intent)
                .where(intent.c.occurrence_id == occurrence_id, intent.c.line_user_id == user)
                .values(state="skipped", reason=reason, changed_at=at)
            )
        groups: dict[str, list[str]] = {}
        about: dict[str, tuple[str, int, str]] = {}
        for each, (campaign, priority, version) in planned:
            occurrence_id, user = each.key
            if each.key not in refused and version in messages:
                groups.setdefault(occurrence_id, []).append(user)
                about[occurrence_id] = (campaign, priority, version)
        for occurrence_id, users in groups.items():
            campaign, priority, version = about[occurrence_id]
            for part in split_evenly(sorted(users), MAX_BATCH):
                row = _batch(build, occurrence_id, part, messages[version])
                row |= {"campaign": campaign, "priority": priority, "frozen_at": at}
                con.execute(insert(batch), [row | {"not_after": stamp(not_after)}])
                con.execute(
                    update(intent)
                    .where(intent.c.occurrence_id == occurrence_id, intent.c.line_user_id.in_(part))
                    .values(state="batched", batch_id=row["id"], changed_at=at)
                )
    return FreezeSummary(sum(map(len, groups.values())), len(refused))


def split_evenly(users: Sequence[str], largest: int) -> list[list[str]]:
    """Return as few parts as fit, all of nearly one size: LINE hides statistics under 20."""
    parts = -(-len(users) // largest)
    size, extra = divmod(len(users), parts) if parts else (0, 0)
    bounds = [n * size + min(n, extra) for n in range(parts + 1)]
    return [list(users[a:b]) for a, b in pairwise(bounds)]


def _batch(
    build: Build, occurrence_id: str, users: Sequence[str], messages: Sequence[Message]
) -> dict[str, object]:
    batch_id = str(uuid.uuid4())
    # Opaque on purpose: unit names are kept at LINE, where staff of others may read them.
    name = base64.b32encode(uuid.UUID(batch_id).bytes).decode().rstrip("=").lower()
    unit = f"b_{name}"
    body = render_body(users, messages, unit)
    digest = hashlib.sha256(body).hexdigest()
    return {
        "id": batch_id,
        "occurrence_id": occurrence_id,
        "clinic_id": build.clinic_id,
        "recipients": len(users),
        "retry_key": str(uuid.uuid5(NAMESPACE, batch_id + digest)),
        "body": body,
        "sha256": digest,
        "unit": unit,
        "state": "frozen",
        "tries": 0,
    }


def _planned(con: Connection, build: Build) -> list[tuple[Planned, tuple[str, int, str]]]:
    rows: Sequence[Any] = con.execute(
        select(intent).where(
            intent.c.clinic_id == build.clinic_id,
            intent.c.state == "planned",
            intent.c.as_of == build.as_of,
        )
    ).all()
    patients: dict[Key, list[str]] = {}
    named: Sequence[Any] = con.execute(
        select(
            intent_patient.c.occurrence_id,
            intent_patient.c.line_user_id,
            intent_patient.c.patient_id,
        ).where(intent_patient.c.occurrence_id.in_({row.occurrence_id for row in rows}))
    ).all()
    for occurrence_id, user, patient_id in named:
        patients.setdefault((occurrence_id, user), []).append(patient_id)
    return [
        (
            Planned(key, row.purpose, patients.get(key, [])),
            (row.campaign, row.priority, row.content_version),
        )
        for row in rows
        for key in [(row.occurrence_id, row.line_user_id)]
    ]
