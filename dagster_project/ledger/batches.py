"""The few moves a batch can make, each within a `writing` transaction of its clinic.

    frozen -> sending -> accepted | rejected | unknown
    frozen -> expired              never tried, or every try refused
    sending -> frozen              every try was answered with "not sent"
    unknown -> accepted            LINE's own list named it later

Every move first looks where the batch stands. Nothing leaves accepted, rejected or
expired, so a second or a late sender, whatever it believes, cannot undo what another
has settled.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from dagster_project.ledger.schema import REASON_LENGTH
from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import attempt, batch, intent
from dagster_project.line.replies import Kind, Reply

# LINE remembers a retry key for 24 hours after its first request; four are left as a margin.
DEADLINE = timedelta(hours=20)
SKEW = timedelta(hours=1)  # by how much clocks may differ, or one be set right; within the margin
ARRIVED = {Kind.ACCEPTED, Kind.ALREADY_ACCEPTED}
NOT_SENT = {
    Kind.RATE_LIMITED,
    Kind.QUOTA_EXHAUSTED,
    Kind.UNAUTHORIZED,
    Kind.FORBIDDEN,
    Kind.REJECTED,
    Kind.WITHHELD,
}
REFUSED_PERSON = re.compile(r"to\[(\d+)\]")


@dataclass(frozen=True)
class Batch:
    """A frozen request: to whom and what (`body`), under which key, and how far it has come."""

    id: str
    occurrence_id: str
    recipients: int
    retry_key: str
    body: bytes
    sha256: str
    unit: str
    state: str
    reason: str | None
    not_after: str
    first_try_at: str | None


def batches_in(con: Connection, clinic_id: str, *states: str) -> list[Batch]:
    """Return a clinic's batches in these states, the most urgent first."""
    columns = [batch.c[name] for name in Batch.__dataclass_fields__]
    query = (
        select(*columns)
        .where(batch.c.clinic_id == clinic_id, batch.c.state.in_(states))
        .order_by(batch.c.priority, batch.c.occurrence_id, batch.c.frozen_at, batch.c.id)
    )
    return [Batch(**row._mapping) for row in con.execute(query)]


def begin_try(con: Connection, batch_id: str, now: datetime) -> bool:
    """Note that a batch is about to leave, and return whether it may.

    To be committed before its first byte does. A batch leaves for the first time only
    before its `not_after`; a retry, under the same key, until 20 hours after that. A
    clock that was set back to before the first try cannot tell those hours: no retry then.
    """
    has_time = and_(
        batch.c.first_try_at > stamp(now - DEADLINE), batch.c.first_try_at < stamp(now + SKEW)
    )
    may_leave = or_(
        and_(batch.c.state == "frozen", batch.c.not_after > stamp(now)),
        and_(batch.c.state == "sending", has_time),
    )
    done = con.execute(
        update(batch)
        .where(batch.c.id == batch_id, may_leave)
        .values(
            state="sending",
            tries=batch.c.tries + 1,
            first_try_at=func.coalesce(batch.c.first_try_at, stamp(now)),
        )
    )
    return done.rowcount == 1


def record_reply(con: Connection, batch_id: str, reply: Reply, now: datetime) -> str:
    """Append the attempt, move the batch accordingly, and return the state it is in."""
    row = con.execute(
        select(batch.c.state, batch.c.tries, batch.c.body).where(batch.c.id == batch_id)
    ).one()
    answer = {
        "batch_id": batch_id,
        "at": stamp(now),
        "kind": reply.kind.value,
        "status": reply.status,
        "request_id": _short(reply.request_id),
        "detail": reply.detail[:200],
    }
    con.execute(insert(attempt), [answer])
    refused = con.execute(
        select(func.count()).where(
            attempt.c.batch_id == batch_id,
            attempt.c.kind.in_([kind.value for kind in NOT_SENT]),
        )
    ).scalar_one()
    state = _after(row.state, reply.kind, may_have_arrived=refused < row.tries)
    if state == row.state and state != "sending":
        return state
    values: dict[str, object] = {"state": state, "reason": _short(reply.detail) or None}
    if state == "accepted":
        values["accepted_at"] = stamp(now)
        values["accepted_request_id"] = _short(reply.accepted_request_id or reply.request_id)
    con.execute(update(batch).where(batch.c.id == batch_id).values(**values))
    if state == "rejected":
        _release(con, batch_id, row.body, reply.detail, stamp(now))
    return state


def _short(text: str | None) -> str | None:
    """Return a text of somebody else's as long as the ledger's columns are."""
    return text[:REASON_LENGTH] if text else text


def _after(state: str, kind: Kind, *, may_have_arrived: bool) -> str:
    if kind in ARRIVED:
        return "accepted"
    if state != "sending" or kind not in NOT_SENT or may_have_arrived:
        return state
    return "rejected" if kind is Kind.REJECTED else "frozen"


def _release(con: Connection, batch_id: str, body: bytes, detail: str, at: str) -> None:
    """Flag whom LINE refused; the others, to whom nothing was sent either, may be planned again.

    An error sends a multicast to nobody (Messaging API reference). When it names
    persons, the rest get a new batch under a new key; otherwise all are flagged.
    """
    to = json.loads(body)["to"]
    users = [to] if isinstance(to, str) else list(to)
    named = [REFUSED_PERSON.fullmatch(part) for part in detail.split(", ")]
    positions = {int(found[1]) for found in named if found}
    if not all(named) or not positions <= set(range(len(users))):
        positions = set(range(len(users)))
    mine = intent.c.batch_id == batch_id
    con.execute(
        update(intent)
        .where(mine, intent.c.line_user_id.not_in([users[n] for n in positions]))
        .values(state="planned", reason=None, batch_id=None, changed_at=at)
    )
    con.execute(
        update(intent)
        .where(mine)
        .values(state="rejected", reason=_short(f"line_refused: {detail}"), changed_at=at)
    )


def settle(
    con: Connection, batch_id: str, before: Sequence[str], state: str, reason: str, now: datetime
) -> bool:
    """Move a batch without a reply; return False when it no longer stands where it stood."""
    values: dict[str, object] = {"state": state, "reason": reason}
    if state == "accepted":
        values["accepted_at"] = stamp(now)
    done = con.execute(
        update(batch).where(batch.c.id == batch_id, batch.c.state.in_(before)).values(**values)
    )
    return done.rowcount == 1


def take_back(con: Connection, batch_id: str, state: str, reason: str | None, at: str) -> bool:
    """Dissolve a batch that never arrived anywhere; its intents become planned or expired."""
    done = con.execute(
        update(batch)
        .where(batch.c.id == batch_id, batch.c.state == "frozen")
        .values(state="expired", reason=func.coalesce(batch.c.reason, reason))
    )
    if done.rowcount == 1:
        con.execute(
            update(intent)
            .where(intent.c.batch_id == batch_id)
            .values(state=state, reason=reason, batch_id=None, changed_at=at)
        )
    return done.rowcount == 1


def note(con: Connection, batch_ids: Sequence[str], reason: str) -> None:
    """Say why frozen batches wait."""
    waiting: ColumnElement[bool] = and_(batch.c.id.in_(batch_ids), batch.c.state == "frozen")
    con.execute(update(batch).where(waiting).values(reason=reason))
