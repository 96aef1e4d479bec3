"""The proof that nothing planned was lost: every intent has one fate, every batch its people."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent


class LedgerError(Exception):
    """The ledger contradicts itself; nothing more may be sent until a person has looked."""


@dataclass(frozen=True)
class Reconciliation:
    """A clinic's intents by fate, in people. Their sum is all that was ever planned."""

    planned: int
    accepted: int
    skipped: int
    expired: int
    rejected: int
    unknown: int
    pending: int


def reconcile(engine: Engine, clinic_id: str) -> Reconciliation:
    """Return a clinic's counts. Raises LedgerError when a batch and its intents differ."""
    with reading(engine) as con:
        intents: Sequence[Any] = con.execute(
            select(intent.c.line_user_id, intent.c.state, intent.c.batch_id).where(
                intent.c.clinic_id == clinic_id
            )
        ).all()
        batches: Sequence[Any] = con.execute(
            select(batch.c.id, batch.c.state, batch.c.body, batch.c.recipients).where(
                batch.c.clinic_id == clinic_id, batch.c.state.not_in(("expired", "rejected"))
            )
        ).all()
    people: dict[str, set[str]] = {}
    for user, state, batch_id in intents:
        if state == "batched":
            people.setdefault(batch_id, set()).add(user)
    fates = Counter(state for _, state, _ in intents if state != "batched")
    for batch_id, state, body, recipients in batches:
        to = json.loads(body)["to"]
        written = {to} if isinstance(to, str) else set(to)
        if written != people.pop(batch_id, set()) or len(written) != recipients:
            raise LedgerError(f"{clinic_id}: batch {batch_id} and its intents differ")
        fates["pending" if state in {"frozen", "sending"} else state] += recipients
    if people:
        raise LedgerError(f"{clinic_id}: intents in batches that do not exist: {sorted(people)}")
    fates["pending"] += fates.pop("planned", 0)
    counts = {
        name: fates.pop(name, 0) for name in Reconciliation.__annotations__ if name != "planned"
    }
    if fates or sum(counts.values()) != len(intents):
        raise LedgerError(f"{clinic_id}: {len(intents)} planned, {sum(counts.values())} accounted")
    return Reconciliation(planned=len(intents), **counts)
