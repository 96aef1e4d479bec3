"""The chat in the ledger: events as they came, codes as they were issued."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from dagster_project.conversation.codes import Code, code_in, digest, new_code
from dagster_project.conversation.events import Event
from dagster_project.conversation.fold import Account, day_of, fold
from dagster_project.conversation.words import words
from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.store import reading, stamp, writing
from dagster_project.ledger.tables import line_event, link_code, link_code_patient

CODE_LIFE = timedelta(days=14)
VALUES = 500  # in one statement; every database has its limit


def keep(engine: Engine, clinic_id: str, events: Sequence[Event], now: datetime) -> set[str]:
    """Store the events that are not there yet, durably, and return the ids of those.

    That somebody wrote of an emergency is written with them, for the staff; the text itself
    stays with the event.
    """
    new = {each.event_id: each for each in events}
    with writing(engine, clinic_id) as con:
        for event_id in _known(con, clinic_id, list(new)):
            del new[event_id]
        common = {"clinic_id": clinic_id, "received_at": stamp(now)}
        if new:
            con.execute(insert(line_event), [_row(each) | common for each in new.values()])
        for each in new.values():
            if each.kind == "message" and words().is_urgent(each.said):
                user, event_id = each.line_user_id, each.event_id
                write_audit(con, now, clinic_id, "urgent_message", user, event_id)
    return set(new)


def accounts(engine: Engine, clinic_id: str, until: date) -> dict[str, Account]:
    """Return every account of a clinic as of a business day, that day included."""
    with reading(engine) as con:
        events = _events(con, clinic_id)
        codes = _codes(con, clinic_id)
    return fold((each for each in events if day_of(each) <= until), codes, words())


def account(engine: Engine, clinic_id: str, line_user_id: str) -> Account:
    """Return one account as of now, from its own events and those of whoever sent its codes."""
    with reading(engine) as con:
        events = _events(con, clinic_id, _sharing_codes(con, clinic_id, line_user_id))
        sent = {code for each in events if each.kind == "message" and (code := code_in(each.said))}
        codes = _codes(con, clinic_id, {digest(each) for each in sent})
    return fold(events, codes, words()).get(line_user_id, Account())


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


def _known(con: Connection, clinic_id: str, event_ids: Sequence[str]) -> list[str]:
    found: list[str] = []
    for first in range(0, len(event_ids), VALUES):
        some = event_ids[first : first + VALUES]
        here = (line_event.c.clinic_id == clinic_id) & line_event.c.event_id.in_(some)
        found += con.execute(select(line_event.c.event_id).where(here)).scalars()
    return found


def _row(event: Event) -> dict[str, object]:
    code = code_in(event.said) if event.kind == "message" else None
    return vars(event) | {"code_digest": digest(code) if code else None}


def _sharing_codes(con: Connection, clinic_id: str, line_user_id: str) -> set[str]:
    """Return the accounts whose events bear on one: who sent the same codes, and so on."""
    here = line_event.c.clinic_id == clinic_id
    code, user = line_event.c.code_digest, line_event.c.line_user_id
    users = {line_user_id}
    while True:
        # Two statements: as one with a subquery, SQLite walks through all of the clinic's events.
        sent = select(code).where(here, user.in_(users), code.is_not(None))
        codes: set[Any] = set(con.execute(sent.distinct()).scalars())
        if not codes:
            return users
        senders = select(user).where(here, code.in_(codes))
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


def _codes(con: Connection, clinic_id: str, digests: set[str] | None = None) -> dict[str, Code]:
    """Return the codes of a clinic by digest: all, or those of the given digests."""
    which = link_code.c.clinic_id == clinic_id
    if digests is not None:
        if not digests:
            return {}
        which &= link_code.c.digest.in_(digests)
    patients: dict[str, list[str]] = {}
    named: Sequence[Any] = con.execute(
        select(link_code_patient).join(link_code).where(which).order_by("patient_id")
    ).all()
    for found, patient_id in named:
        patients.setdefault(found, []).append(patient_id)
    return {
        row.digest: Code(
            tuple(patients.get(row.digest, [])), row.relation, row.issued_ms, row.expires_ms
        )
        for row in con.execute(select(link_code).where(which))
    }
