"""The circuit breaker of a channel: signs that we, not LINE, are wrong. Only a person resets it.

An outage is no such sign: what LINE does not answer is retried under the same key, which
harms nobody, and the sender stops by itself until its next run. What trips:

- LINE refuses what we send: over half of an hour's answers, three of them at least;
- somebody is about to get for a second time on one day what he already got, under another
  occurrence: the plan is being made again and again;
- somebody is about to get more messages in a day than anybody may;
- more people wait in frozen batches than the published plan has.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from dagster_project.ledger.alerts import write_alert
from dagster_project.ledger.holds import place
from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import attempt, batch, hold
from dagster_project.line.replies import Kind

BREAKER = "circuit breaker"  # who holds the channel, in the ledger
WINDOW = timedelta(hours=1)
MIN_REFUSED = 3
MAX_REFUSED_SHARE = 0.5
REFUSED = (Kind.REJECTED, Kind.FORBIDDEN)
SETTLED = (*REFUSED, Kind.ACCEPTED, Kind.ALREADY_ACCEPTED)
# What the gate turns away, and what no sound plan would ever bring before it.
SYMPTOMS = {
    "repeated_content": "同じ日に同じ内容をもう一度送ろうとしました",
    "too_many_today": "同じ人に1日の上限を超えて送ろうとしました",
}


def trip(con: Connection, clinic_id: str, reason: str, now: datetime) -> None:
    """Hold a clinic's channel until a person resets it, and tell one; once, not every minute."""
    if place(con, clinic_id, "breaker", reason, BREAKER, now):
        write_alert(con, now, clinic_id, "breaker", stamp(now), f"配信を遮断しました: {reason}")


def trip_on_refusals(
    con: Connection, clinic_id: str, refused: Mapping[Any, str], now: datetime
) -> None:
    """Trip when the gate met people whom no sound plan would have brought before it."""
    met = Counter(reason for reason in refused.values() if reason in SYMPTOMS)
    for reason, people in met.items():
        trip(con, clinic_id, f"{SYMPTOMS[reason]} ({people} 人)", now)


def trip_on_volume(
    con: Connection, clinic_id: str, waiting: Iterable[int], planned: int, now: datetime
) -> None:
    """Trip when more people wait in frozen batches than the published plan holds messages."""
    people = sum(waiting)
    if people > planned:
        reason = f"計画は {planned} 通なのに、送信待ちが {people} 通あります"
        trip(con, clinic_id, reason, now)


def trip_on_answers(con: Connection, clinic_id: str, now: datetime) -> None:
    """Trip when LINE refused over half of what it answered since an hour ago, or the last reset."""
    reset: str | None = con.execute(
        select(func.max(hold.c.ended_at)).where(
            hold.c.clinic_id == clinic_id, hold.c.kind == "breaker"
        )
    ).scalar_one()
    rows: Sequence[Any] = con.execute(
        select(attempt.c.kind, func.count())
        .join(batch, batch.c.id == attempt.c.batch_id)
        .where(
            batch.c.clinic_id == clinic_id,
            attempt.c.kind.in_([kind.value for kind in SETTLED]),
            attempt.c.at > max(stamp(now - WINDOW), reset or ""),
        )
        .group_by(attempt.c.kind)
    ).all()
    answers: Counter[str] = Counter(dict(rows))
    refused = sum(answers[kind.value] for kind in REFUSED)
    if refused >= MIN_REFUSED and refused > answers.total() * MAX_REFUSED_SHARE:
        reason = f"LINE が {answers.total()} 回のうち {refused} 回を拒みました"
        trip(con, clinic_id, reason, now)
