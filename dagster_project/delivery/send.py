"""Frozen batches out, one at a time, so that a kill between any two lines loses nothing.

Before the first byte leaves, `first_try_at` is committed. Every later try has the
same key and the same bytes, so LINE answers 409 where it had the message already.
LINE remembers a key for 24 hours; we stop trying after 20 and leave the rest to a
person.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine, Row, insert, select, update

from dagster_project.delivery.lease import lease
from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import attempt, batch, intent
from dagster_project.line.replies import Kind, Quota, Reply

DEADLINE = timedelta(hours=20)
BACKOFF = (1.0, 2.0, 4.0, 8.0)  # seconds between tries within one run
DONE = {Kind.ACCEPTED, Kind.ALREADY_ACCEPTED}
STOP = {Kind.QUOTA_EXHAUSTED: "quota", Kind.UNAUTHORIZED: "unauthorized"}

Clock = Callable[[], datetime]


class Channel(Protocol):
    """What sending needs of a LINE client."""

    def send(self, body: bytes, retry_key: str) -> Reply:
        """Send frozen bytes under a retry key."""

    def quota(self) -> Quota:
        """Return this month's quota."""

    def aggregation_units(self) -> set[str]:
        """Return the unit names LINE has seen this month."""


@dataclass
class SendSummary:
    """What one run of the sender did, in recipients."""

    accepted: int = 0
    rejected: int = 0
    unsettled: int = 0
    deferred: int = 0
    unknown: int = 0
    stopped: str | None = None
    reasons: dict[str, int] = field(default_factory=dict)


def send_batches(
    engine: Engine,
    clinic_id: str,
    channel: Channel,
    clock: Clock,
    is_open: Callable[[datetime], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> SendSummary:
    """Send a clinic's frozen batches and settle those tried before; return what came of it.

    Nothing is tried while `is_open` says the window is shut. Returns at once, with
    `stopped`, when another sender holds the clinic's lease.
    """
    summary = SendSummary()
    with lease(engine, clinic_id, uuid.uuid4().hex, clock) as is_ours:
        if not is_ours:
            summary.stopped = "another sender is at work"
            return summary
        settle_overdue(engine, clinic_id, channel, clock(), summary)
        tried = _batches(engine, clinic_id, "sending")
        for row in tried:
            if summary.stopped is None and is_open(clock()):
                _try(engine, row, channel, clock, sleep, summary)
        expire_missed(engine, clinic_id, clock())
        for rows in _affordable(engine, clinic_id, channel, summary):
            for row in rows:
                if summary.stopped is None and is_open(clock()):
                    _try(engine, row, channel, clock, sleep, summary)
    return summary


def settle_overdue(
    engine: Engine, clinic_id: str, channel: Channel, now: datetime, summary: SendSummary
) -> None:
    """Decide batches past their deadline: LINE's unit list may prove they arrived; else unknown.

    Absence from the list proves nothing, so an unknown batch is left for a person.
    """
    overdue = [
        row
        for row in _batches(engine, clinic_id, "sending")
        if now - datetime.fromisoformat(row.first_try_at) >= DEADLINE
    ]
    seen = channel.aggregation_units() if overdue else set()
    for row in overdue:
        is_seen = row.unit in seen
        state, reason = ("accepted", "seen in unit list") if is_seen else ("unknown", "deadline")
        _settle(engine, row.id, state, reason, now)
        if is_seen:
            summary.accepted += row.recipients
        else:
            summary.unknown += row.recipients


def expire_missed(engine: Engine, clinic_id: str, now: datetime) -> None:
    """Take back batches that were never tried and whose hour has passed; a new plan may follow."""
    for row in _batches(engine, clinic_id, "frozen"):
        if stamp(now) >= row.not_after:
            at = stamp(now)
            with engine.begin() as con:
                con.execute(
                    update(batch)
                    .where(batch.c.id == row.id, batch.c.state == "frozen")
                    .values(state="expired", reason=row.reason or "window_missed")
                )
                con.execute(
                    update(intent)
                    .where(intent.c.batch_id == row.id)
                    .values(
                        state="expired",
                        reason=row.reason or "window_missed",
                        batch_id=None,
                        changed_at=at,
                    )
                )


def _affordable(
    engine: Engine, clinic_id: str, channel: Channel, summary: SendSummary
) -> Sequence[Sequence[Row[tuple[object, ...]]]]:
    """Return the occurrences that fit this month's quota whole, the most urgent first."""
    frozen = _batches(engine, clinic_id, "frozen")
    if not frozen or summary.stopped:
        summary.deferred += sum(row.recipients for row in frozen)
        return []
    in_flight = sum(row.recipients for row in _batches(engine, clinic_id, "sending"))
    try:
        left = channel.quota().left
    except ConnectionError:
        summary.stopped = "quota unread"
        summary.deferred += sum(row.recipients for row in frozen)
        return []
    room = None if left is None else left - in_flight
    chosen = []
    for occurrence_id in dict.fromkeys(row.occurrence_id for row in frozen):
        rows = [row for row in frozen if row.occurrence_id == occurrence_id]
        needed = sum(row.recipients for row in rows)
        if room is not None and needed > room:
            summary.deferred += needed
            _note(engine, rows, "quota")
            continue
        room = None if room is None else room - needed
        chosen.append(rows)
    return chosen


def _try(
    engine: Engine,
    row: Row[tuple[object, ...]],
    channel: Channel,
    clock: Clock,
    sleep: Callable[[float], None],
    summary: SendSummary,
) -> None:
    """Try one batch until it is settled, the backoff is used up, or the sender must stop."""
    may_have_arrived = row.state == "sending"
    for wait in (*BACKOFF, None):
        _mark_first_try(engine, row.id, clock())
        reply = channel.send(row.body, row.retry_key)
        now = clock()
        may_have_arrived = may_have_arrived or reply.kind is Kind.UNKNOWN
        if reply.kind in DONE:
            _record(engine, row.id, reply, now, "accepted")
            summary.accepted += row.recipients
            return
        if reply.kind is Kind.REJECTED and not may_have_arrived:
            _record(engine, row.id, reply, now, "rejected")
            summary.rejected += row.recipients
            return
        if reply.kind in STOP:
            summary.stopped = STOP[reply.kind]
            # Not one try of it can have arrived: it is as good as never tried.
            state = "sending" if may_have_arrived else "frozen"
            _record(engine, row.id, reply, now, state)
            summary.deferred += row.recipients
            return
        _record(engine, row.id, reply, now, "sending")
        if wait is not None:
            sleep(wait)
    summary.unsettled += row.recipients


def _mark_first_try(engine: Engine, batch_id: str, now: datetime) -> None:
    """Commit that this batch is being tried, before anything of it leaves."""
    with engine.begin() as con:
        con.execute(
            update(batch)
            .where(batch.c.id == batch_id, batch.c.first_try_at.is_(None))
            .values(first_try_at=stamp(now))
        )
        con.execute(
            update(batch)
            .where(batch.c.id == batch_id)
            .values(state="sending", tries=batch.c.tries + 1)
        )


def _record(engine: Engine, batch_id: str, reply: Reply, now: datetime, state: str) -> None:
    """Append the attempt and move the batch, in one transaction."""
    values: dict[str, object] = {"state": state, "reason": reply.detail[:80] or None}
    if state == "accepted":
        values["accepted_at"] = stamp(now)
        values["accepted_request_id"] = reply.accepted_request_id or reply.request_id
    if state == "frozen":
        values |= {"first_try_at": None, "reason": STOP[reply.kind]}
    with engine.begin() as con:
        con.execute(
            insert(attempt),
            [
                {
                    "batch_id": batch_id,
                    "at": stamp(now),
                    "kind": reply.kind.value,
                    "status": reply.status,
                    "request_id": reply.request_id,
                    "detail": reply.detail[:200],
                }
            ],
        )
        con.execute(update(batch).where(batch.c.id == batch_id).values(**values))


def _settle(engine: Engine, batch_id: str, state: str, reason: str, now: datetime) -> None:
    values: dict[str, object] = {"state": state, "reason": reason}
    if state == "accepted":
        values["accepted_at"] = stamp(now)
    with engine.begin() as con:
        con.execute(update(batch).where(batch.c.id == batch_id).values(**values))


def _note(engine: Engine, rows: Sequence[Row[tuple[object, ...]]], reason: str) -> None:
    with engine.begin() as con:
        ids = [row.id for row in rows]
        con.execute(update(batch).where(batch.c.id.in_(ids)).values(reason=reason))


def _batches(engine: Engine, clinic_id: str, state: str) -> Sequence[Row[tuple[object, ...]]]:
    with engine.connect() as con:
        return con.execute(
            select(batch)
            .where(batch.c.clinic_id == clinic_id, batch.c.state == state)
            .order_by(batch.c.priority, batch.c.occurrence_id, batch.c.frozen_at, batch.c.id)
        ).all()
