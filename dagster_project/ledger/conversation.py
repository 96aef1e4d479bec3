"""The chat in the ledger: events as they came, codes as they were issued."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from secrets import token_urlsafe
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from dagster_project.conversation.codes import Code, code_in, digest, new_code
from dagster_project.conversation.events import CHART_TRIED, Event, day_of
from dagster_project.conversation.fold import Account, fold
from dagster_project.conversation.script import Script
from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient
from dagster_project.ledger.emergencies import report
from dagster_project.ledger.forgotten import heard_from
from dagster_project.ledger.store import reading, stamp, writing
from dagster_project.ledger.unsent import take_back

CODE_LIFE = timedelta(days=14)
NONCE_LIFE = timedelta(minutes=10)  # as long as LINE's link token
NOBODYS: Mapping[str, str] = MappingProxyType({})
VALUES = 500  # in one statement; every database has its limit


def keep(
    engine: Engine,
    clinic_id: str,
    events: Sequence[Event],
    now: datetime,
    alert_targets: Sequence[str] = (),
    key: bytes = b"",
) -> set[str]:
    """Store the events that are not there yet, durably, and return the ids of those.

    With an emergency its line in the audit and the alert to staff are stored, or nothing is.
    Nothing is kept of a forgotten account, but that somebody wrote of an emergency, which is
    returned too; LostKeyError where `key` cannot tell who that is.
    """
    with writing(engine, clinic_id) as con:
        heard = heard_from(con, clinic_id, events, key, now)
        new = {each.event_id: each for each in heard}
        unheard = {each.event_id: each for each in events if each.event_id not in new}
        for event_id in _known(con, clinic_id, list(new)):
            del new[event_id]
        common = {"clinic_id": clinic_id, "received_at": stamp(now)}
        if new:
            con.execute(insert(line_event), [_row(each) | common for each in new.values()])
            take_back(con, clinic_id, new.values())
        report(con, clinic_id, new.values(), now, alert_targets)
        told = report(con, clinic_id, unheard.values(), now, alert_targets, key)
    return {*new, *told}


def accounts(
    engine: Engine,
    clinic_id: str,
    until: date,
    script: Script,
    known_at: datetime | None = None,
) -> dict[str, Account]:
    """Return every account of a clinic as of a business day, that day included.

    With `known_at`, from what had arrived by that instant.
    """
    with reading(engine) as con:
        events = _events(con, clinic_id, known_at=known_at)
        codes = _codes(con, clinic_id)
    return fold((each for each in events if day_of(each) <= until), codes, script)


def account(engine: Engine, clinic_id: str, line_user_id: str, script: Script) -> Account:
    """Return one account as of now, from its own events and those of whoever sent its codes."""
    with reading(engine) as con:
        events = _events(con, clinic_id, _sharing_codes(con, clinic_id, line_user_id))
        sent = {code for each in events if each.kind == "message" and (code := code_in(each.said))}
        wanted = {digest(each) for each in sent}
        wanted |= {each.said for each in events if each.kind == "accountLink"}
        codes = _codes(con, clinic_id, wanted)
    return fold(events, codes, script).get(line_user_id, Account())


def events_of(engine: Engine, clinic_id: str, line_user_id: str) -> list[Event]:
    """Return what one account ever sent."""
    with reading(engine) as con:
        return _events(con, clinic_id, {line_user_id})


def issue_code(
    engine: Engine,
    clinic_id: str,
    patient_ids: Sequence[str],
    relation: str,
    made_by: str,
    now: datetime,
    own: Mapping[str, str] = NOBODYS,
) -> str:
    """Issue a code for these charts and return it: it is shown once and kept nowhere.

    `own` are the relations to those charts to which it is not `relation`.
    """
    code = new_code()
    _issue(engine, clinic_id, code, CODE_LIFE, patient_ids, relation, made_by, now, own)
    return code


def issue_nonce(
    engine: Engine,
    clinic_id: str,
    patient_ids: Sequence[str],
    relation: str,
    now: datetime,
    own: Mapping[str, str] = NOBODYS,
) -> str:
    """Return a nonce for LINE's account link: 256 bit, good once, kept nowhere.

    `own` is as of issue_code.
    """
    nonce = token_urlsafe(32)
    _issue(engine, clinic_id, nonce, NONCE_LIFE, patient_ids, relation, "clinic login", now, own)
    return nonce


def _issue(
    engine: Engine,
    clinic_id: str,
    code: str,
    life: timedelta,
    patient_ids: Sequence[str],
    relation: str,
    made_by: str,
    now: datetime,
    own: Mapping[str, str] = NOBODYS,
) -> None:
    issued_ms = int(now.timestamp() * 1000)
    row = {
        "digest": digest(code),
        "clinic_id": clinic_id,
        "relation": relation,
        "issued_ms": issued_ms,
        "expires_ms": issued_ms + int(life.total_seconds() * 1000),
    }
    with writing(engine, clinic_id) as con:
        con.execute(insert(link_code), [row])
        con.execute(
            insert(link_code_patient),
            [
                {"digest": row["digest"], "patient_id": each, "relation": own.get(each)}
                for each in patient_ids
            ],
        )
        for each in patient_ids:
            said = f"link code for patient {each}, {own.get(each, relation)}"
            write_audit(con, now, clinic_id, "link_code", made_by, said)


def _known(con: Connection, clinic_id: str, event_ids: Sequence[str]) -> list[str]:
    found: list[str] = []
    for first in range(0, len(event_ids), VALUES):
        some = event_ids[first : first + VALUES]
        here = (line_event.c.clinic_id == clinic_id) & line_event.c.event_id.in_(some)
        found += con.execute(select(line_event.c.event_id).where(here)).scalars()
    return found


def _row(event: Event) -> dict[str, object]:
    """Return the event's row, with what other accounts' events may share with it."""
    found = code_in(event.said) if event.kind == "message" else None
    shared = digest(found) if found else None
    if event.kind in {CHART_TRIED, "accountLink"} and event.said:
        shared = event.said.split(" ")[0]
    return vars(event) | {"code_digest": shared}


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


def _events(
    con: Connection,
    clinic_id: str,
    users: set[str] | None = None,
    known_at: datetime | None = None,
) -> list[Event]:
    columns = (line_event.c[name] for name in ("at_ms", "event_id", "kind", "line_user_id", "said"))
    query = select(*columns).where(line_event.c.clinic_id == clinic_id)
    if users is not None:
        query = query.where(line_event.c.line_user_id.in_(users))
    if known_at is not None:
        query = query.where(line_event.c.received_at <= stamp(known_at))
    rows: Sequence[Any] = con.execute(query).all()
    return [Event(*row) for row in rows]


def _codes(con: Connection, clinic_id: str, digests: set[str] | None = None) -> dict[str, Code]:
    """Return the codes of a clinic by digest: all, or those of the given digests."""
    which = link_code.c.clinic_id == clinic_id
    if digests is not None:
        if not digests:
            return {}
        which &= link_code.c.digest.in_(digests)
    charts: dict[str, dict[str, str]] = {}
    relation = func.coalesce(link_code_patient.c.relation, link_code.c.relation)
    named: Sequence[Any] = con.execute(
        select(link_code_patient.c.digest, link_code_patient.c.patient_id, relation)
        .join(link_code)
        .where(which)
        .order_by(link_code_patient.c.patient_id)
    ).all()
    for found, patient_id, is_what in named:
        charts.setdefault(found, {})[patient_id] = is_what
    return {
        row.digest: Code(charts.get(row.digest, {}), row.issued_ms, row.expires_ms)
        for row in con.execute(select(link_code).where(which))
    }
