"""Frozen batches out, one at a time, so that a kill between any two lines loses nothing.

Before the first byte leaves, `first_try_at` is committed. Every later try has the
same key and the same bytes, so LINE answers 409 where it had the message already.
LINE remembers a key for 24 hours; we stop trying after 20 and leave the rest to a
person.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection, Engine

from dagster_project.clinic import Clinic
from dagster_project.delivery.afford import people, room_by_line
from dagster_project.delivery.alarm import CLOCK, NO_UNITS, UNAUTHORIZED, tell
from dagster_project.delivery.breaker import trip_on_answers
from dagster_project.delivery.channel import Channel, is_off, prove
from dagster_project.delivery.lease import Lease, lease
from dagster_project.delivery.reconcile import LedgerError
from dagster_project.delivery.sweep import doubtful, expire_missed, settle_doubtful
from dagster_project.ledger.batches import Batch, batches_in, begin_try, note, record_reply
from dagster_project.ledger.heard import has_spoken
from dagster_project.ledger.holds import in_force
from dagster_project.ledger.store import reading, writing
from dagster_project.line.replies import Kind, Reply

BACKOFF = (1.0, 2.0, 4.0, 8.0)  # seconds between tries within one run
HELD = "held"  # by a person or the circuit breaker
ASLEEP = "held up"  # the next run asks the gate again
SPOKEN = "somebody has spoken since the gate was asked"
HELD_UP = timedelta(minutes=1)  # between the commit of a try and its first byte
MAX_SILENT = 3  # batches in a row that LINE did not settle: it is down, the next run tries again
STOP = {
    Kind.QUOTA_EXHAUSTED: "quota",
    Kind.UNAUTHORIZED: "unauthorized",
    Kind.FORBIDDEN: "forbidden",
}

Clock = Callable[[], datetime]


@dataclass
class SendSummary:
    """What one run of the sender did, in recipients, and why it stopped early if it did."""

    accepted: int = 0
    rejected: int = 0
    unsettled: int = 0
    deferred: int = 0
    unknown: int = 0
    expired: int = 0
    stopped: str | None = None


def send_batches(
    engine: Engine,
    clinic: Clinic,
    channel: Channel,
    clock: Clock,
    is_open: Callable[[datetime], bool],
    sleep: Callable[[float], None] = time.sleep,
    heard: Mapping[str, int] = MappingProxyType({}),
) -> SendSummary:
    """Send a clinic's frozen batches, retry those tried before, and return what came of it.

    Batches tried before are retried whatever `is_open` says: they may have arrived,
    and the same key cannot deliver twice. New ones leave only while it holds, and only if
    nobody they are for has said a thing in the chat that `heard` (events by account, when the
    gate was asked) does not count: it may be a stop, so the next run asks the gate again.
    Nothing at all leaves while somebody, or the circuit breaker, holds the clinic: before
    every try the ledger is asked. Returns at once, with `stopped`, when another sender holds the
    clinic's lease. Raises WrongChannelError, before anything is sent, when the channel is
    not the clinic's.
    """
    summary = SendSummary()
    with lease(engine, clinic.clinic_id, clock) as held:
        if held is None:
            summary.stopped = "another sender is at work"
            return summary
        run = _Run(engine, clinic, held, channel, clock, sleep, summary, heard)
        summary.expired = expire_missed(engine, clinic.clinic_id, clock())
        overdue = doubtful(engine, clinic.clinic_id, clock())
        is_any_new = is_open(clock()) and bool(run.batches("frozen"))
        if (overdue or run.batches("sending") or is_any_new) and run.is_ours():
            summary.accepted, summary.unknown = settle_doubtful(
                engine, clinic.clinic_id, overdue, channel, clock()
            )
            run.send_all(run.batches("sending"), lambda _: True)
            if summary.stopped is None and is_open(clock()):
                run.send_all(run.named(run.affordable(run.batches("frozen"))), is_open)
        summary.unsettled = people(run.batches("sending"))
        summary.deferred = people(run.batches("frozen"))
    return summary


@dataclass
class _Run:
    """One run of the sender, while it holds the lease."""

    engine: Engine
    clinic: Clinic
    lease: Lease
    channel: Channel
    clock: Clock
    sleep: Callable[[float], None]
    summary: SendSummary
    heard: Mapping[str, int]

    def batches(self, state: str) -> list[Batch]:
        """Return the clinic's batches in a state, as the ledger has them now."""
        with reading(self.engine) as con:
            return batches_in(con, self.clinic.clinic_id, state)

    def is_ours(self) -> bool:
        """Return whether the channel is the clinic's, and its clock ours, before it is used."""
        what, said = "token", UNAUTHORIZED
        try:
            prove(self.channel, self.clinic)
        except PermissionError:
            why = "unauthorized"
        except ConnectionError:
            why, said = "account unread", ""
        else:
            if not is_off(self.clock(), self.channel.clock()):
                return True
            why, what, said = "clock is off", "clock", CLOCK
        self.summary.stopped = why
        self._note(self.batches("frozen"), why)
        if said:
            with self._writing() as con:
                tell(con, self.clinic.clinic_id, what, said, self.clock())
        return False

    def send_all(self, rows: Sequence[Batch], may_leave: Callable[[datetime], bool]) -> None:
        """Try batch after batch until one says stop, the window shuts, or LINE is silent."""
        silent = 0
        for row in rows:
            if self.summary.stopped or not may_leave(self.clock()):
                return
            silent = 0 if self._try(row) else silent + 1
            if silent == MAX_SILENT:
                self.summary.stopped = "LINE does not settle"

    def affordable(self, frozen: Sequence[Batch]) -> Sequence[Batch]:
        """Return what is frozen where all of it fits this month's quota, else nothing.

        Who goes without is not for the sender to choose: the next run's gate takes the batches
        back and shares out what is left by the night's turns.
        """
        if not frozen:
            return []
        try:
            left = room_by_line(self.engine, self.clinic, self.channel, self.clock()).left
        except ConnectionError:
            self.summary.stopped = "quota unread"
            return []
        if left is None or left >= 0:
            return frozen
        self._note(frozen, "quota")
        return []

    def named(self, rows: Sequence[Batch]) -> Sequence[Batch]:
        """Return the batches LINE still keeps a name for this month, the most urgent.

        Without its name nobody could prove later that a batch arrived. LINE's silence is no
        reason to wait: a month has names for more batches than most clinics send in a year.
        """
        try:
            left = max(self.channel.units_left(), 0) if rows else 0
        except (PermissionError, ConnectionError):
            return rows
        if left < len(rows):
            with self._writing() as con:
                note(con, [row.id for row in rows[left:]], "units")
                tell(con, self.clinic.clinic_id, "units", NO_UNITS, self.clock())
            self.summary.stopped = None if left else "units"
        return rows[:left]

    def _try(self, row: Batch) -> bool:
        """Try one batch until it is settled or the sender must stop; False when LINE is silent."""
        for wait in (*BACKOFF, None):
            began = self.clock()
            if not self._may_leave(row, began):
                return True
            reply = self._send(row, began)
            state = self._record(row, reply)
            if state == "accepted":
                self.summary.accepted += row.recipients
                return True
            if state == "rejected":
                self.summary.rejected += row.recipients
                return True
            if self.summary.stopped:
                return True
            if reply.kind in STOP:
                self.summary.stopped = STOP[reply.kind]
                self._note([row], self.summary.stopped)
                return True
            if wait is not None:
                self.sleep(wait)
        return False

    def _may_leave(self, row: Batch, now: datetime) -> bool:
        """Commit that this batch is being tried, before anything of it leaves."""
        with self._writing() as con:
            if not self.lease.renew(con, now):
                self.summary.stopped = "another sender took over"
                return False
            if in_force(con, self.clinic.clinic_id, "stop", "breaker"):
                self.summary.stopped = HELD
                return False
            if has_spoken(con, row.id, self.heard):
                note(con, [row.id], SPOKEN)
                return False
            return begin_try(con, row.id, now)

    def _send(self, row: Batch, began: datetime) -> Reply:
        try:
            if self.clock() - began > HELD_UP:
                self.summary.stopped = ASLEEP
                return Reply(Kind.WITHHELD, None, detail=ASLEEP)
            if hashlib.sha256(row.body).hexdigest() != row.sha256:
                raise LedgerError(
                    f"{self.clinic.clinic_id}: batch {row.id} is not as it was frozen"
                )
            return self.channel.send(row.body, row.retry_key)
        except Exception as error:
            # A channel raises before anything leaves, or never: this try cannot have arrived.
            self._record(row, Reply(Kind.WITHHELD, None, detail=type(error).__name__))
            raise

    def _record(self, row: Batch, reply: Reply) -> str:
        with self._writing() as con:
            now = self.clock()
            state = record_reply(con, row.id, reply, now)
            trip_on_answers(con, self.clinic.clinic_id, now)
            return state

    def _note(self, rows: Sequence[Batch], why: str) -> None:
        with self._writing() as con:
            note(con, [row.id for row in rows], why)

    def _writing(self) -> AbstractContextManager[Connection]:
        return writing(self.engine, self.clinic.clinic_id)
