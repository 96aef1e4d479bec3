"""The proof that nothing planned was lost: every intent has one fate, every batch its people."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, select

from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent

DISSOLVED = {"expired", "rejected"}  # such a batch has given its people back
PENDING = {"planned", "frozen", "sending"}


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
    """Return a clinic's counts. Raises LedgerError when a batch and its intents differ.

    The database counts, for all time; the latest day's batches are also compared
    person by person with the bytes that were frozen for them.
    """
    with reading(engine) as con:
        fates = _fates(con, clinic_id)
        _require_same_people(con, clinic_id)
    planned = fates.total()
    counts = {
        name: fates.pop(name, 0) for name in Reconciliation.__annotations__ if name != "planned"
    }
    if fates:
        raise LedgerError(f"{clinic_id}: {planned} planned, no fate for {dict(fates)}")
    return Reconciliation(planned=planned, **counts)


def _fates(con: Connection, clinic_id: str) -> Counter[str]:
    """Count people by what became of them: their batch's fate where they are in one.

    Raises LedgerError unless each batch holds as many as it was frozen with.
    """
    intents: Sequence[Any] = con.execute(
        select(intent.c.state, intent.c.batch_id, func.count())
        .where(intent.c.clinic_id == clinic_id)
        .group_by(intent.c.state, intent.c.batch_id)
    ).all()
    batches: Sequence[Any] = con.execute(
        select(batch.c.id, batch.c.state, batch.c.recipients).where(batch.c.clinic_id == clinic_id)
    ).all()
    fates: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for state, batch_id, count in intents:
        if state == "batched":
            held[str(batch_id)] += count
        else:
            fates["pending" if state in PENDING else state] += count
    due = {each.id: 0 if each.state in DISSOLVED else each.recipients for each in batches}
    wrong = sorted(each for each in held.keys() | due.keys() if held[each] != due.get(each, 0))
    if wrong:
        raise LedgerError(f"{clinic_id}: batches and their intents differ: {', '.join(wrong)}")
    for each in batches:
        if due[each.id]:
            fates["pending" if each.state in PENDING else each.state] += due[each.id]
    return fates


def _require_same_people(con: Connection, clinic_id: str) -> None:
    """Raise LedgerError unless the latest day's batches are addressed to their very intents."""
    latest = select(func.max(intent.c.as_of)).where(
        intent.c.clinic_id == clinic_id, intent.c.state == "batched"
    )
    of_latest = and_(
        intent.c.clinic_id == clinic_id,
        intent.c.state == "batched",
        intent.c.as_of == latest.scalar_subquery(),
    )
    rows: Sequence[Any] = con.execute(
        select(intent.c.batch_id, intent.c.line_user_id).where(of_latest)
    ).all()
    held: dict[str, set[str]] = {}
    for batch_id, user in rows:
        held.setdefault(batch_id, set()).add(user)
    bodies: Sequence[Any] = con.execute(
        select(batch.c.id, batch.c.body).where(
            batch.c.id.in_(select(intent.c.batch_id).where(of_latest))
        )
    ).all()
    for batch_id, body in bodies:
        to = json.loads(body)["to"]
        if held[batch_id] != ({to} if isinstance(to, str) else set(to)):
            raise LedgerError(f"{clinic_id}: batch {batch_id} and its intents differ")
