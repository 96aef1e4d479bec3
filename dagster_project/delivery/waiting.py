"""Whether a sender would have anything to do: a run costs seconds, this question nothing."""

from datetime import datetime

from sqlalchemy import Engine, exists, select

from dagster_project.ledger.batches import DEADLINE
from dagster_project.ledger.store import reading, stamp
from dagster_project.ledger.tables import batch, intent


def is_waiting(engine: Engine, clinic_id: str) -> bool:
    """Return whether a clinic has something to send when its window is open."""
    planned = exists().where(intent.c.clinic_id == clinic_id, intent.c.state == "planned")
    open_batch = exists().where(
        batch.c.clinic_id == clinic_id, batch.c.state.in_(("frozen", "sending"))
    )
    with reading(engine) as con:
        return bool(con.execute(select(planned | open_batch)).scalar_one())


def is_missed(engine: Engine, clinic_id: str, now: datetime) -> bool:
    """Return whether a frozen batch waits whose hour has passed: its people are to be let go."""
    missed = exists().where(
        batch.c.clinic_id == clinic_id,
        batch.c.state == "frozen",
        batch.c.not_after <= stamp(now),
    )
    with reading(engine) as con:
        return bool(con.execute(select(missed)).scalar_one())


def is_overdue(engine: Engine, clinic_id: str, now: datetime) -> bool:
    """Return whether trying a batch is over, and nobody knows yet whether it arrived."""
    overdue = exists().where(
        batch.c.clinic_id == clinic_id,
        batch.c.state == "sending",
        batch.c.first_try_at <= stamp(now - DEADLINE),
    )
    with reading(engine) as con:
        return bool(con.execute(select(overdue)).scalar_one())


def is_under_way(engine: Engine, clinic_id: str) -> bool:
    """Return whether a batch has been tried and not settled: it is retried whatever the hour."""
    tried = exists().where(batch.c.clinic_id == clinic_id, batch.c.state == "sending")
    with reading(engine) as con:
        return bool(con.execute(select(tried)).scalar_one())
