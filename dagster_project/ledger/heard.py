"""Whether somebody spoke in the chat after the gate had asked who consents."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, select

from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent

SAME_ACCOUNT = and_(
    line_event.c.clinic_id == intent.c.clinic_id,
    line_event.c.line_user_id == intent.c.line_user_id,
)


def heard_from(engine: Engine, clinic_id: str) -> dict[str, int]:
    """Return how many events of each account a clinic has; to be asked before the consents are."""
    mine = line_event.c.clinic_id == clinic_id
    query = select(line_event.c.line_user_id, func.count()).where(mine)
    with reading(engine) as con:
        return dict(con.execute(query.group_by(line_event.c.line_user_id)).tuples().all())


def has_spoken(con: Connection, batch_id: str, before: Mapping[str, int]) -> bool:
    """Return whether anybody a frozen batch is for said a thing that `before` does not count.

    Within the transaction that begins a try: what was acknowledged to LINE before it is seen.
    By number and not by time: clocks of two processes differ, and a sample's day is long past.
    """
    rows: Any = con.execute(
        select(line_event.c.line_user_id, func.count())
        .join(intent, SAME_ACCOUNT)
        .join(batch, intent.c.batch_id == batch.c.id)
        .where(batch.c.id == batch_id, batch.c.state == "frozen")
        .group_by(line_event.c.line_user_id)
    )
    return any(count > before.get(user, 0) for user, count in rows)
