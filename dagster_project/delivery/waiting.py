"""Whether a sender would have anything to do: a run costs seconds, this question nothing."""

from sqlalchemy import Engine, exists, select

from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent

UNFINISHED = ("frozen", "sending", "unknown")  # unknown ones are looked up again at LINE


def is_waiting(engine: Engine, clinic_id: str) -> bool:
    """Return whether a clinic has intents to freeze, or batches that are not settled."""
    planned = exists().where(intent.c.clinic_id == clinic_id, intent.c.state == "planned")
    open_batch = exists().where(batch.c.clinic_id == clinic_id, batch.c.state.in_(UNFINISHED))
    with reading(engine) as con:
        return bool(con.execute(select(planned | open_batch)).scalar_one())
