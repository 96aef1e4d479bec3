"""Whether a sender would have anything to do: a run costs seconds, this question nothing."""

from sqlalchemy import Engine, exists, select

from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent


def is_waiting(engine: Engine, clinic_id: str) -> bool:
    """Return whether a clinic has something to send when its window is open."""
    planned = exists().where(intent.c.clinic_id == clinic_id, intent.c.state == "planned")
    open_batch = exists().where(
        batch.c.clinic_id == clinic_id, batch.c.state.in_(("frozen", "sending"))
    )
    with reading(engine) as con:
        return bool(con.execute(select(planned | open_batch)).scalar_one())


def is_under_way(engine: Engine, clinic_id: str) -> bool:
    """Return whether a batch has been tried and not settled: it is retried whatever the hour."""
    tried = exists().where(batch.c.clinic_id == clinic_id, batch.c.state == "sending")
    with reading(engine) as con:
        return bool(con.execute(select(tried)).scalar_one())
