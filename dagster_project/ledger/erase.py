"""A person taken out of the ledger, in one transaction, with its sums left as they are.

Intents and frozen bodies get the hash in the place of the account: what was planned and sent
still adds up, and an occurrence is still never sent twice. Every other row that names the
person is deleted.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from dagster_project.conversation.events import CHART_NAMED, CHART_TRIED
from dagster_project.forget.hashes import Forgotten, accounts_among, patients_among
from dagster_project.ledger.batches import take_back
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient, staff_alert
from dagster_project.ledger.schema import metadata
from dagster_project.ledger.tables import alert, audit, batch, intent, intent_patient

RENAMED = {"intent", "intent_patient"}


class UnderWayError(Exception):
    """A message to the person is being tried: its bytes may not change until it is settled."""


def rename_account(con: Connection, clinic_id: str, before: str, after: str) -> int:
    """Put one name of an account in the place of another in its messages; return how many."""
    con.execute(
        update(intent_patient)
        .where(_of_clinic(clinic_id), intent_patient.c.line_user_id == before)
        .values(line_user_id=after)
    )
    done = con.execute(
        update(intent)
        .where(intent.c.clinic_id == clinic_id, intent.c.line_user_id == before)
        .values(line_user_id=after)
    )
    bodies: Sequence[Any] = con.execute(
        select(batch.c.id, batch.c.body).where(batch.c.clinic_id == clinic_id)
    ).all()
    for batch_id, body in bodies:
        if before.encode() in body:
            # `sha256` stays that of the bytes that were sent; these are never sent again.
            changed = body.replace(before.encode(), after.encode())
            con.execute(update(batch).where(batch.c.id == batch_id).values(body=changed))
    return done.rowcount


def rename_patient(con: Connection, clinic_id: str, before: str, after: str) -> int:
    """Put one name of a patient in the place of another in their messages; return how many."""
    return con.execute(
        update(intent_patient)
        .where(_of_clinic(clinic_id), intent_patient.c.patient_id == before)
        .values(patient_id=after)
    ).rowcount


def erase(
    con: Connection, who: Forgotten, patient: str, accounts: Collection[str], at: str
) -> Counter[str]:
    """Take a patient and their accounts out of the ledger, and return rows by table.

    What waits to be sent to them is skipped; others of their batch are planned again. Raises
    UnderWayError, and changes nothing, while a message to them is being tried.
    """
    _recall(con, who.clinic_id, patient, accounts, at)
    removed = Counter({table.name: count for table, count in _delete(con, who, patient, accounts)})
    removed["line_event"] += _delete_tries(con, who.clinic_id, patient)
    removed["intent"] = rename_patient(con, who.clinic_id, patient, who.of_patient(patient))
    for user in accounts:
        rename_account(con, who.clinic_id, user, who.of_account(user))
    _scrub_audit(con, who, patient, accounts)
    _scrub_alerts(con, who, accounts)
    return removed


def scour(engine: Engine) -> bool:
    """Overwrite what the database keeps of deleted rows; False while a reader needs them."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
            con.exec_driver_sql("VACUUM")
        return True
    raw = engine.raw_connection()  # SQLAlchemy would begin a transaction, which VACUUM refuses
    try:
        cursor = raw.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (is_busy, *_) = cursor.fetchall()[0]
        return not is_busy
    finally:
        raw.close()


def named_in(con: Connection, who: Forgotten) -> tuple[set[str], set[str]]:
    """Return the patients and the accounts of forgotten hashes that a ledger still names."""
    people: dict[str, set[str]] = {"patient_id": set(), "line_user_id": set()}
    for table in metadata.sorted_tables:
        for name in people.keys() & table.c.keys():
            mine = select(table.c[name]).where(_is_of(table, who.clinic_id)).distinct()
            people[name].update(map(str, con.execute(mine).scalars()))
    spoken = select(line_event.c.said).where(
        line_event.c.clinic_id == who.clinic_id, line_event.c.kind.in_((CHART_NAMED, CHART_TRIED))
    )
    charts: Sequence[str] = con.execute(spoken).scalars().all()
    people["patient_id"].update(said.split(" ")[-1] for said in charts)
    return (
        patients_among(who, people["patient_id"]),
        accounts_among(who, people["line_user_id"]),
    )


def _recall(
    con: Connection, clinic_id: str, patient: str, accounts: Collection[str], at: str
) -> None:
    """Skip what waits to be sent to the person."""
    of_patient = select(intent_patient.c.occurrence_id).where(
        intent_patient.c.occurrence_id == intent.c.occurrence_id,
        intent_patient.c.line_user_id == intent.c.line_user_id,
        intent_patient.c.patient_id == patient,
    )
    theirs = and_(
        intent.c.clinic_id == clinic_id,
        or_(intent.c.line_user_id.in_(accounts), of_patient.exists()),
    )
    holding: Sequence[Any] = con.execute(
        select(batch.c.id, batch.c.state)
        .join(intent, intent.c.batch_id == batch.c.id)
        .where(theirs, batch.c.state.in_(("frozen", "sending")))
        .distinct()
    ).all()
    if any(each.state == "sending" for each in holding):
        raise UnderWayError(clinic_id)
    for each in holding:
        take_back(con, each.id, "planned", "forgotten", at)
    con.execute(
        update(intent)
        .where(theirs, intent.c.state == "planned")
        .values(state="skipped", reason="forgotten", changed_at=at)
    )


def _delete(
    con: Connection, who: Forgotten, patient: str, accounts: Collection[str]
) -> list[tuple[Table, int]]:
    """Delete every row that names the person, in whichever table there is."""
    found = []
    for table in reversed(metadata.sorted_tables):
        named: list[ColumnElement[bool]] = []
        if "patient_id" in table.c:
            named.append(table.c.patient_id == patient)
        if "line_user_id" in table.c:
            named.append(table.c.line_user_id.in_(accounts))
        if named and table.name not in RENAMED:
            where = and_(_is_of(table, who.clinic_id), or_(*named))
            found.append((table, con.execute(delete(table).where(where)).rowcount))
    return found


def _delete_tries(con: Connection, clinic_id: str, patient: str) -> int:
    """Delete what any account said of the chart's number, and with it the links it made."""
    return con.execute(
        delete(line_event).where(
            line_event.c.clinic_id == clinic_id,
            or_(
                and_(line_event.c.kind == CHART_NAMED, line_event.c.said == patient),
                and_(line_event.c.kind == CHART_TRIED, line_event.c.said.endswith(f" {patient}")),
            ),
        )
    ).rowcount


def _is_of(table: Table, clinic_id: str) -> ColumnElement[bool]:
    if table is intent_patient:
        return _of_clinic(clinic_id)
    if table is link_code_patient:
        mine = select(link_code.c.digest).where(link_code.c.clinic_id == clinic_id)
        return link_code_patient.c.digest.in_(mine)
    return table.c.clinic_id == clinic_id


def _of_clinic(clinic_id: str) -> ColumnElement[bool]:
    """Return the condition that a row of `intent_patient` is a clinic's."""
    return func.substr(intent_patient.c.occurrence_id, 1, len(clinic_id) + 1) == f"{clinic_id}/"


def _scrub_audit(con: Connection, who: Forgotten, patient: str, accounts: Collection[str]) -> None:
    """Put the hash in the place of the person in audit lines; that a thing was done stays."""
    number = re.compile(rf"\bpatient {re.escape(patient)}(?![0-9A-Za-z-])")
    rows: Sequence[Any] = con.execute(select(audit).where(audit.c.clinic_id == who.clinic_id)).all()
    for row in rows:
        said = {"subject": row.subject, "detail": row.detail or ""}
        clean = {}
        for name, text in said.items():
            hashed = number.sub(f"patient {who.of_patient(patient)}", text)
            for user in accounts:
                hashed = hashed.replace(user, who.of_account(user))
            clean[name] = hashed
        if clean != said:
            con.execute(update(audit).where(audit.c.id == row.id).values(**clean))


def _scrub_alerts(con: Connection, who: Forgotten, accounts: Collection[str]) -> None:
    """Put the hash in the place of the accounts in what staff were told."""
    for table in (alert, staff_alert):
        for user in accounts:
            con.execute(
                update(table)
                .where(table.c.clinic_id == who.clinic_id, table.c.text.contains(user))
                .values(text=func.replace(table.c.text, user, who.of_account(user)))
            )
