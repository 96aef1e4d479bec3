"""Dead letters: batches that may have arrived, and what a person decided of them.

Nothing here is ever done by itself. A resend is a new occurrence with a new key, planned for
the published day like any other message, so the gate looks at each of its people again.
"""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.batches import take_back
from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import batch, dead_letter, intent, intent_patient
from dagster_project.line.messages import Message
from dagster_project.publish import Build

Decision = Literal["resend", "drop"]
Key = tuple[str, str]  # occurrence_id, line_user_id


class DeadLetterError(Exception):
    """A decision that cannot be recorded; the message says what to do."""


@dataclass(frozen=True)
class DeadLetter:
    """A batch of unknown fate that nobody has decided on."""

    id: str
    occurrence_id: str
    campaign: str
    recipients: int
    first_try_at: str


def undecided(con: Connection, clinic_id: str) -> list[DeadLetter]:
    """Return a clinic's unknown batches that wait for a person, the oldest first."""
    columns = [batch.c[name] for name in DeadLetter.__dataclass_fields__]
    decided = select(dead_letter.c.batch_id)
    query = (
        select(*columns)
        .where(
            batch.c.clinic_id == clinic_id, batch.c.state == "unknown", batch.c.id.not_in(decided)
        )
        .order_by(batch.c.first_try_at, batch.c.id)
    )
    return [DeadLetter(**row._mapping) for row in con.execute(query)]


def decide(
    con: Connection,
    build: Build,
    begins: str,
    decision: Decision,
    made_by: str,
    reason: str,
    now: datetime,
) -> DeadLetter:
    """Record what becomes of the undecided batch whose id begins so, and return it.

    A resend plans its people anew for the build's day. Raises DeadLetterError when there is no
    such batch, or no one such, and without a name or a reason.
    """
    if not made_by.strip() or not reason.strip():
        raise DeadLetterError("this needs --by NAME and --reason TEXT (記入者と理由が要ります)")
    found = [each for each in undecided(con, build.clinic_id) if each.id.startswith(begins)]
    if len(found) != 1 or not begins:
        raise DeadLetterError(
            f"{build.clinic_id}: {len(found)} undecided batches begin with {begins!r}:"
            " `tagline retry` lists them"
        )
    (letter,) = found
    again = f"{letter.occurrence_id}/again-{letter.id[:8]}" if decision == "resend" else None
    row: dict[str, object] = {
        "batch_id": letter.id,
        "clinic_id": build.clinic_id,
        "decision": decision,
    }
    row |= {"occurrence_id": again, "reason": reason.strip(), "made_by": made_by.strip()}
    con.execute(insert(dead_letter), [row | {"made_at": stamp(now)}])
    if again:
        _plan_again(con, build, letter.id, again, stamp(now))
    subject = f"batch {letter.id}"
    write_audit(con, now, build.clinic_id, f"dead_letter_{decision}", subject, f"by {made_by}")
    return letter


@dataclass(frozen=True)
class Resend:
    """A message a person wants sent again: for whom, and the very words of the first one."""

    campaign: str
    patients: list[str]
    said: Sequence[Message]  # none once the ledger has let go of them


def resends(con: Connection, clinic_id: str) -> dict[Key, Resend]:
    """Return the messages a person wants sent again and that are still in doubt.

    Once LINE's own list has proved that the first one arrived, the second must not leave.
    """
    in_doubt: Sequence[Any] = con.execute(
        select(dead_letter.c.occurrence_id, batch.c.campaign, batch.c.body)
        .join(batch, batch.c.id == dead_letter.c.batch_id)
        .where(
            dead_letter.c.clinic_id == clinic_id,
            dead_letter.c.occurrence_id.is_not(None),
            batch.c.state == "unknown",
        )
    ).all()
    first = {each.occurrence_id: each for each in in_doubt}
    rows: Sequence[Any] = con.execute(
        select(intent_patient).where(intent_patient.c.occurrence_id.in_(first))
    ).all()
    found: dict[Key, Resend] = {}
    for occurrence_id, user, patient_id in rows:
        was = first[occurrence_id]
        anew = Resend(was.campaign, [], json.loads(was.body).get("messages", []))
        found.setdefault((occurrence_id, user), anew).patients.append(patient_id)
    return found


def still_right(again: Mapping[Key, Resend], due: Set[tuple[str, str]]) -> dict[Key, list[str]]:
    """Return the patients of each resend whose reason still stands by the published night.

    `due` are the campaigns and patients it decided for, but for what was sent already.
    """
    return {
        key: each.patients
        for key, each in again.items()
        if each.said and all((each.campaign, patient) in due for patient in each.patients)
    }


def withdraw_resend(con: Connection, batch_id: str, now: datetime) -> None:
    """Take back what waits to be sent for a batch that has proved to have arrived after all."""
    again = select(dead_letter.c.occurrence_id).where(dead_letter.c.batch_id == batch_id)
    waiting = select(batch.c.id).where(batch.c.occurrence_id.in_(again), batch.c.state == "frozen")
    ids: Sequence[str] = con.execute(waiting).scalars().all()
    for waiting_id in ids:
        take_back(con, waiting_id, "skipped", "arrived_after_all", stamp(now))


def _plan_again(con: Connection, build: Build, batch_id: str, again: str, at: str) -> None:
    rows = con.execute(select(intent).where(intent.c.batch_id == batch_id)).mappings().all()
    patients = con.execute(
        select(intent_patient).where(
            intent_patient.c.occurrence_id.in_({row["occurrence_id"] for row in rows}),
            intent_patient.c.line_user_id.in_([row["line_user_id"] for row in rows]),
        )
    ).mappings()
    anew: dict[str, object] = {
        "occurrence_id": again,
        "as_of": build.as_of,
        "build_id": build.build_id,
    }
    anew |= {"state": "planned", "reason": None, "batch_id": None, "changed_at": at}
    named = [{**row, "occurrence_id": again} for row in patients]
    con.execute(insert(intent), [{**row, **anew} for row in rows])
    con.execute(insert(intent_patient), named)
