"""One sender a clinic at a time. A second one would be safe, but pointless."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import sender

LENGTH = timedelta(minutes=10)


@contextmanager
def lease(
    engine: Engine, clinic_id: str, holder: str, clock: Callable[[], datetime]
) -> Iterator[bool]:
    """Yield whether the clinic's lease is ours. A dead sender's lapses after ten minutes."""
    now = clock()
    try:
        with engine.begin() as con:
            con.execute(
                delete(sender).where(sender.c.clinic_id == clinic_id, sender.c.until <= stamp(now))
            )
            held = con.execute(select(sender.c.holder).where(sender.c.clinic_id == clinic_id))
            is_ours = held.first() is None
            if is_ours:
                row = {"clinic_id": clinic_id, "holder": holder, "until": stamp(now + LENGTH)}
                con.execute(insert(sender), [row])
    except IntegrityError:
        is_ours = False
    try:
        yield is_ours
    finally:
        if is_ours:
            with engine.begin() as con:
                con.execute(
                    delete(sender).where(sender.c.clinic_id == clinic_id, sender.c.holder == holder)
                )
