"""One sender a clinic at a time. A second one would be safe, but pointless."""

import hashlib
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select, update

from dagster_project.ledger.store import stamp, writing
from dagster_project.ledger.tables import sender

LENGTH = timedelta(minutes=10)


@dataclass(frozen=True)
class Lease:
    """A clinic's right to send, as long as it is renewed."""

    clinic_id: str
    holder: str

    def renew(self, con: Connection, now: datetime) -> bool:
        """Prolong the lease within a transaction; False when another sender has taken it."""
        done = con.execute(
            update(sender)
            .where(sender.c.clinic_id == self.clinic_id, sender.c.holder == self.holder)
            .values(until=stamp(now + LENGTH))
        )
        return done.rowcount == 1


@contextmanager
def lease(engine: Engine, clinic_id: str, clock: Callable[[], datetime]) -> Iterator[Lease | None]:
    """Yield the clinic's lease, or None while another sender has it.

    A dead sender's is taken over at once on the same machine, elsewhere when it has
    not been renewed for ten minutes.
    """
    mine = Lease(clinic_id, f"{_host()}/{os.getpid()}/{uuid.uuid4().hex[:12]}")
    is_ours = _take(engine, mine, clock())
    try:
        yield mine if is_ours else None
    finally:
        if is_ours:
            with writing(engine, clinic_id) as con:
                con.execute(delete(sender).where(sender.c.holder == mine.holder))


def _take(engine: Engine, mine: Lease, now: datetime) -> bool:
    of_clinic = sender.c.clinic_id == mine.clinic_id
    row = {"clinic_id": mine.clinic_id, "holder": mine.holder, "until": stamp(now + LENGTH)}
    with writing(engine, mine.clinic_id) as con:
        held = con.execute(select(sender).where(of_clinic)).first()
        if held is not None:
            if held.until > stamp(now) and not _is_dead(held.holder):
                return False
            con.execute(delete(sender).where(of_clinic))
        con.execute(insert(sender), [row])
    return True


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]


def _is_dead(holder: str) -> bool:
    """Return whether a holder was a process of this machine that is no more."""
    host, pid, _ = holder.split("/")
    if host != _host():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
