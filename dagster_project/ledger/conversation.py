"""The chat in the ledger: events as they came, codes as they were issued."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from dagster_project.conversation.codes import Code, code_in, digest, new_code
from dagster_project.conversation.events import Event
from dagster_project.conversation.fold import Account, day_of, fold
from dagster_project.conversation.script import Script
from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.forgotten import heard_from
from dagster_project.ledger.store import reading, stamp, writing
from dagster_project.ledger.tables import line_event, link_code, link_code_patient

CODE_LIFE = timedelta(days=14)


def keep(
    engine: Engine, clinic_id: str, events: Sequence[Event], now: datetime, key: bytes = b""
) -> set[str]:
    """Store the events that are not there yet, durably, and return the ids of those.

    Nothing is kept of a forgotten account; LostKeyError where `key` cannot tell who that is.
    """
    with writing(engine, clinic_id) as con:
        events = heard_from(con, clinic_id, events, key, now)
        ids = [each.event_id for each in events]
        known: Sequence[str] = (
            con.execute(
                select(line_event.c.event_id).where(
                    line_event.c.clinic_id == clinic_id, line_event.c.event_id.in_(ids)
                )
            )
            .scalars()
            .all()
        )
        new = {each.event_id: each for each in events}
        for event_id in known:
            new.pop(event_id)
        if new:
            common = {"clinic_id": clinic_id, "received_at": stamp(now)}
            con.execute(insert(line_event), [_row(each) | common for each in new.values()])
    return set(new)


def accounts(engine: Engine, clinic_id: str, until: date, script: Script) -> dict[str, Account]:
    """Return every account of a clinic as of a business day, that day included."""
    with reading(engine) as con:
        events = _events(con, clinic_id)
        codes = _codes(con, clinic_id)
    return fold((each for each in events if day_of(each) <= until), codes, script)


def account(engine: Engine, clinic_id: str, line_user_id: str, script: Script) -> Account:
    """Return one account as of now, from its own events and those of whoever sent its codes."""
    with reading(engine) as con:
        events = _events(con, clinic_id, _sharing_codes(con, clinic_id, line_user_id))
        codes = _codes(con, clinic_id)
    return fold(events, codes, script).get(line_user_id, Account())


def issue_code(
    engine: Engine,
    clinic_id: str,
    patient_ids: Sequence[str],
    relation: str,
    made_by: str,
    now: datetime,
) -> str:
    """Issue a code for these charts and return it: it is shown once and kept nowhere."""
    code = new_code()
    issued_ms = int(now.timestamp() * 1000)
    row = {
        "digest": digest(code),
        "clinic_id": clinic_id,
        "relation": relation,
        "issued_ms": issued_ms,
        "expires_ms": issued_ms + int(CODE_LIFE.total_seconds() * 1000),
    }
    with writing(engine, clinic_id) as con:
        con.execute(insert(link_code), [row])
        con.execute(
            insert(link_code_patient),
            [{"digest": row["digest"], "patient_id": each} for each in patient_ids],
        )
        for each in patient_ids:
            said = f"link code for patient {each}, {relation}"
            write_audit(con, now, clinic_id, "link_code", made_by, said)
    return code


def report_urgent(engine: Engine, clinic_id: str, event: Event, now: datetime) -> None:
    """Write that somebody wrote of an emergency; the text itself stays with the event."""
    with writing(engine, clinic_id) as con:
        write_audit(con, now, clinic_id, "urgent_message", event.line_user_id, event.event_id)


def _row(event: Event) -> dict[str, object]:
    code = code_in(event.said) if event.kind == "message" else None
    return vars(event) | {"code_digest": digest(code) if code else None}


def _sharing_codes(con: Connection, clinic_id: str, line_user_id: str) -> set[str]:
    """Return the accounts whose events bear on one: who sent the same codes, and so on."""
    users = {line_user_id}
    while True:
        here = line_event.c.clinic_id == clinic_id
        shared = select(line_event.c.code_digest).where(
            here, line_event.c.line_user_id.in_(users), line_event.c.code_digest.is_not(None)
        )
        senders = select(line_event.c.line_user_id).where(
            here, line_event.c.code_digest.in_(shared)
        )
        found = users | set(con.execute(senders.distinct()).scalars())
        if found == users:
            return users
        users = found


def _events(con: Connection, clinic_id: str, users: set[str] | None = None) -> list[Event]:
    columns = (line_event.c[name] for name in ("at_ms", "event_id", "kind", "line_user_id", "said"))
    query = select(*columns).where(line_event.c.clinic_id == clinic_id)
    if users is not None:
        query = query.where(line_event.c.line_user_id.in_(users))
    rows: Sequence[Any] = con.execute(query).all()
    return [Event(*row) for row in rows]


def _codes(con: Connection, clinic_id: str) -> dict[str, Code]:
    patients: dict[str, list[str]] = {}
    of_clinic = link_code.c.clinic_id == clinic_id
    named: Sequence[Any] = con.execute(
        select(link_code_patient).join(link_code).where(of_clinic).order_by("patient_id")
    ).all()
    for found, patient_id in named:
        patients.setdefault(found, []).append(patient_id)
    return {
        row.digest: Code(
            tuple(patients.get(row.digest, [])), row.relation, row.issued_ms, row.expires_ms
        )
        for row in con.execute(select(link_code).where(of_clinic))
    }
