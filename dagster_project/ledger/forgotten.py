"""Who is forgotten, as the ledger knows it, and how somebody comes to be known again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from dagster_project.conversation.codes import code_in, digest
from dagster_project.conversation.events import Event
from dagster_project.forget.hashes import Forgotten, LostKeyError, id_of, read_key
from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.chat_tables import (
    forgetting,
    forgotten,
    line_event,
    link_code,
    link_code_patient,
)
from dagster_project.ledger.erase import rename_account, rename_patient
from dagster_project.ledger.store import reading, stamp, writing

LOST_KEY = (
    "{clinic_id}: the key of the forgotten persons (forget.key in the state folder) is missing or"
    " another one: put it back from the backup (消去済みの方を照合する鍵がありません)"
)


@dataclass(frozen=True)
class Forgetting:
    """One request: of whom (a hash), by whom, how far it came, and what was removed."""

    id: int
    clinic_id: str
    hash: str
    made_by: str
    began_at: str
    finished_at: str | None
    removed: Mapping[str, int]


def forgotten_in(con: Connection, clinic_id: str, key: bytes) -> Forgotten:
    """Return whom a clinic has forgotten. Raises LostKeyError when the key cannot tell."""
    mine = select(forgotten.c.hash, forgotten.c.key_id).where(forgotten.c.clinic_id == clinic_id)
    rows: Sequence[Any] = con.execute(mine).all()
    if rows and {each.key_id for each in rows} != {id_of(key)}:
        raise LostKeyError(LOST_KEY.format(clinic_id=clinic_id))
    return Forgotten(clinic_id, key, frozenset(each.hash for each in rows))


def read_forgotten(engine: Engine, clinic_id: str, key_path: Path) -> Forgotten:
    """Return whom a clinic has forgotten, by the key at a path. Raises LostKeyError."""
    with reading(engine) as con:
        return forgotten_in(con, clinic_id, read_key(key_path))


def add(con: Connection, who: Forgotten, now: datetime) -> None:
    """Note the hashes of a person; those that are there already stay as they are."""
    known = forgotten_in(con, who.clinic_id, who.key).hashes
    common = {
        "clinic_id": who.clinic_id,
        "key_id": id_of(who.key),
        "forgotten_ms": int(now.timestamp() * 1000),
    }
    if new := sorted(who.hashes - known):
        con.execute(insert(forgotten), [{**common, "hash": each} for each in new])


def begin(con: Connection, what: Mapping[str, object], removed: Mapping[str, int]) -> None:
    """Note a request and what it removes; it is finished when every copy is gone."""
    con.execute(insert(forgetting).values(**what, removed=json.dumps(removed)))


def requests(engine: Engine, clinic_id: str) -> list[Forgetting]:
    """Return every request of a clinic, the oldest first."""
    names = [forgetting.c[name] for name in Forgetting.__dataclass_fields__]
    query = select(*names).where(forgetting.c.clinic_id == clinic_id).order_by(forgetting.c.id)
    with reading(engine) as con:
        rows = con.execute(query).mappings().all()
    return [Forgetting(**{**row, "removed": json.loads(row["removed"])}) for row in rows]


def finish(engine: Engine, clinic_id: str, now: datetime) -> None:
    """Note that nothing of the open requests is left, with a line in the audit for each."""
    is_open = (forgetting.c.clinic_id == clinic_id, forgetting.c.finished_at.is_(None))
    with writing(engine, clinic_id) as con:
        for row in con.execute(select(forgetting).where(*is_open)).mappings().all():
            said = f"by {row['made_by']}, {sum(json.loads(row['removed']).values())} rows"
            write_audit(con, now, clinic_id, "forgotten", f"request {row['id']}", said)
        con.execute(update(forgetting).where(*is_open).values(finished_at=stamp(now)))


def heard_from(
    con: Connection, clinic_id: str, events: Sequence[Event], key: bytes, now: datetime
) -> list[Event]:
    """Return the events but those of forgotten accounts, in the order they happened.

    An account that sends a code handed out since is known again, and so are the code's charts:
    whoever asks for a code at reception wants to be. Raises LostKeyError.
    """
    who = forgotten_in(con, clinic_id, key)
    kept = []
    for event in sorted(events) if who else events:
        if who.is_account(event.line_user_id):
            charts = _charts_of_fresh_code(con, who, event)
            if not charts:
                continue
            _remember(con, who, event.line_user_id, charts, now)
            who = forgotten_in(con, clinic_id, key)
        kept.append(event)
    return kept


def _charts_of_fresh_code(con: Connection, who: Forgotten, event: Event) -> list[str]:
    """Return the charts of an unused code issued after the account was forgotten."""
    code = code_in(event.said) if event.kind == "message" else None
    if code is None:
        return []
    since = select(forgotten.c.forgotten_ms).where(
        forgotten.c.clinic_id == who.clinic_id,
        forgotten.c.hash == who.of_account(event.line_user_id),
    )
    used = select(line_event.c.event_id).where(
        line_event.c.clinic_id == who.clinic_id, line_event.c.code_digest == digest(code)
    )
    good = select(link_code_patient.c.patient_id).where(
        link_code_patient.c.digest == link_code.c.digest,
        link_code.c.clinic_id == who.clinic_id,
        link_code.c.digest == digest(code),
        link_code.c.issued_ms > since.scalar_subquery(),
        link_code.c.issued_ms <= event.at_ms,
        link_code.c.expires_ms > event.at_ms,
        ~used.exists(),
    )
    return list(con.execute(good).scalars())


def _remember(
    con: Connection, who: Forgotten, user: str, charts: Sequence[str], now: datetime
) -> None:
    rename_account(con, who.clinic_id, who.of_account(user), user)
    for each in charts:
        rename_patient(con, who.clinic_id, who.of_patient(each), each)
    hashes = [who.of_account(user), *map(who.of_patient, charts)]
    con.execute(
        delete(forgotten).where(
            forgotten.c.clinic_id == who.clinic_id, forgotten.c.hash.in_(hashes)
        )
    )
    write_audit(con, now, who.clinic_id, "known_again", "a forgotten account", "linked by a code")
