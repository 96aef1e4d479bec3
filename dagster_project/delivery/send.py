"""Frozen batches out, one at a time, so that a kill between any two lines loses nothing.

Before the first byte leaves, `first_try_at` is committed. Every later try has the
same key and the same bytes, so LINE answers 409 where it had the message already.
LINE remembers a key for 24 hours; we stop trying after 20 and leave the rest to a
person.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from itertools import groupby

from sqlalchemy import Engine

from dagster_project.delivery.channel import Channel
from dagster_project.delivery.lease import Lease, lease
from dagster_project.delivery.sweep import expire_missed, settle_overdue
from dagster_project.ledger.batches import Batch, batches_in, begin_try, note, record_reply
from dagster_project.line.replies import Kind, Reply

BACKOFF = (1.0, 2.0, 4.0, 8.0)  # seconds between tries within one run
MAX_SILENT = 3  # batches in a row that LINE did not settle: it is down, the next run tries again
STOP = {Kind.QUOTA_EXHAUSTED: "quota", Kind.UNAUTHORIZED: "unauthorized"}
FORBIDDEN = 403  # the account may not send at all; the next batch would fare no better

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


class _Outcome(Enum):
    DONE = auto()
    SILENT = auto()


def send_batches(
    engine: Engine,
    clinic_id: str,
    channel: Channel,
    clock: Clock,
    is_open: Callable[[datetime], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> SendSummary:
    """Send a clinic's frozen batches, retry those tried before, and return what came of it.

    Batches tried before are retried whatever `is_open` says: they may have arrived,
    and the same key cannot deliver twice. New ones leave only while it holds. Returns
    at once, with `stopped`, when another sender holds the clinic's lease.
    """
    summary = SendSummary()
    with lease(engine, clinic_id, clock) as held:
        if held is None:
            summary.stopped = "another sender is at work"
            return summary
        summary.accepted, summary.unknown = settle_overdue(engine, clinic_id, channel, clock())
        summary.expired = expire_missed(engine, clinic_id, clock())
        run = _Run(engine, held, channel, clock, sleep, summary)
        run.send_all(batches_in(engine, clinic_id, "sending"), lambda _: True)
        frozen = batches_in(engine, clinic_id, "frozen")
        if frozen and summary.stopped is None and is_open(clock()):
            run.send_all(run.affordable(frozen), is_open)
        summary.unsettled = _people(batches_in(engine, clinic_id, "sending"))
        summary.deferred = _people(batches_in(engine, clinic_id, "frozen"))
    return summary


@dataclass
class _Run:
    """One run of the sender, while it holds the lease."""

    engine: Engine
    lease: Lease
    channel: Channel
    clock: Clock
    sleep: Callable[[float], None]
    summary: SendSummary

    def send_all(self, rows: Sequence[Batch], may_leave: Callable[[datetime], bool]) -> None:
        """Try batch after batch until one says stop, the window shuts, or LINE is silent."""
        silent = 0
        for row in rows:
            if self.summary.stopped or not may_leave(self.clock()):
                return
            outcome = self._try(row)
            silent = silent + 1 if outcome is _Outcome.SILENT else 0
            if silent == MAX_SILENT:
                self.summary.stopped = "LINE does not settle"

    def affordable(self, frozen: Sequence[Batch]) -> Sequence[Batch]:
        """Return the batches of the occurrences that fit this month's quota whole, by priority.

        Nothing is started that could not be finished. What is under way may still count.
        """
        in_flight = _people(batches_in(self.engine, self.lease.clinic_id, "sending"))
        try:
            left = self.channel.quota().left
        except ConnectionError:
            self.summary.stopped = "quota unread"
            return []
        room = None if left is None else left - in_flight
        chosen: list[Batch] = []
        for _, group in groupby(frozen, key=lambda row: row.occurrence_id):
            rows = list(group)
            if room is not None and _people(rows) > room:
                note(self.engine, [row.id for row in rows], "quota")
                continue
            room = None if room is None else room - _people(rows)
            chosen += rows
        return chosen

    def _try(self, row: Batch) -> _Outcome:
        """Try one batch until it is settled, the backoff is used up, or the sender must stop."""
        for wait in (*BACKOFF, None):
            if not self._may_leave(row):
                return _Outcome.DONE
            reply = self._send(row)
            state = record_reply(self.engine, row.id, reply, self.clock())
            if state == "accepted":
                self.summary.accepted += row.recipients
                return _Outcome.DONE
            if state == "rejected":
                self.summary.rejected += row.recipients
                return _Outcome.DONE
            if reply.kind in STOP:
                self.summary.stopped = (
                    "forbidden" if reply.status == FORBIDDEN else STOP[reply.kind]
                )
                note(self.engine, [row.id], self.summary.stopped)
                return _Outcome.DONE
            if wait is not None:
                self.sleep(wait)
        return _Outcome.SILENT

    def _may_leave(self, row: Batch) -> bool:
        """Commit that this batch is being tried, before anything of it leaves."""
        now = self.clock()
        with self.engine.begin() as con:
            if not self.lease.renew(con, now):
                self.summary.stopped = "another sender took over"
                return False
            return begin_try(con, row.id, now)

    def _send(self, row: Batch) -> Reply:
        reply = self.channel.send(row.body, row.retry_key)
        if reply.status == FORBIDDEN:
            return Reply(Kind.UNAUTHORIZED, FORBIDDEN, reply.request_id, None, reply.detail)
        return reply


def _people(rows: Sequence[Batch]) -> int:
    return sum(row.recipients for row in rows)
