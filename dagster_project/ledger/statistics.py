"""What LINE said of what was sent, by unit: the units there are, and their newest readings."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from dagster_project.ledger.statistic_tables import unit_statistic
from dagster_project.ledger.store import moment_of, stamp
from dagster_project.ledger.tables import batch, intent
from dagster_project.line.replies import Counts
from dagster_project.settings import TOKYO

COUNTED = timedelta(days=14)  # from its sending, LINE counts what people do with a message
GRACE = timedelta(days=1)  # after which it shows the last of it
SHOWN_FROM = 20  # people; LINE never shows a figure of fewer


@dataclass(frozen=True)
class Unit:
    """What was sent under one unit name, which is one batch; instant and day are in Asia/Tokyo."""

    batch_id: str
    unit: str
    campaign: str
    step: int
    content_version: str
    recipients: int
    sent_at: datetime
    first_on: date  # the day of the first try: LINE may have had it since then


@dataclass(frozen=True)
class Reading:
    """LINE's answer: how many people opened, and how many opened a link.

    None is a figure that LINE does not show. `read_at` is in Asia/Tokyo. A unit that is not
    assigned was sent after the month's names were used up: LINE counts none of it.
    """

    read_at: datetime
    impressions: int | None
    clicks: int | None
    is_assigned: bool


def left_at(row: Row[Any]) -> datetime | None:
    """Return when a batch reached LINE, in Asia/Tokyo; None where it is not known to have.

    Where LINE's own answer never came, that is when it was first tried: for one that a person
    must decide of, and for one that LINE's list of units proved later.
    """
    if row.batch_state not in {"accepted", "unknown"}:
        return None
    at = row.accepted_at if row.accepted_request_id else row.first_try_at or row.accepted_at
    return moment_of(at) if at else None


def units_sent(con: Connection, clinic_id: str) -> list[Unit]:
    """Return every unit that LINE accepted, the newest first."""
    # All of a batch are of one occurrence, so any of them tells.
    any_of_it = select(intent).where(intent.c.batch_id == batch.c.id).limit(1)
    query = select(
        batch.c.id,
        batch.c.unit,
        batch.c.campaign,
        batch.c.recipients,
        batch.c.state.label("batch_state"),
        batch.c.accepted_at,
        batch.c.accepted_request_id,
        batch.c.first_try_at,
        any_of_it.with_only_columns(intent.c.step).scalar_subquery().label("step"),
        any_of_it.with_only_columns(intent.c.content_version)
        .scalar_subquery()
        .label("content_version"),
    ).where(batch.c.clinic_id == clinic_id, batch.c.state == "accepted")
    found = [
        Unit(
            row.id,
            row.unit,
            row.campaign,
            row.step,
            row.content_version,
            row.recipients,
            sent_at,
            moment_of(row.first_try_at or row.accepted_at).date(),
        )
        for row in con.execute(query)
        if (sent_at := left_at(row))
    ]
    return sorted(found, key=lambda each: (each.sent_at, each.unit), reverse=True)


def newest_readings(con: Connection, clinic_id: str, until: date) -> dict[str, Reading]:
    """Return the last reading of each unit up to a day, that day included."""
    query = (
        select(unit_statistic)
        .where(unit_statistic.c.clinic_id == clinic_id, unit_statistic.c.read_on <= until)
        .order_by(unit_statistic.c.read_on)
    )
    return {
        row.unit: Reading(moment_of(row.read_at), row.impressions, row.clicks, row.is_assigned)
        for row in con.execute(query)
    }


def readings_since(con: Connection, clinic_id: str, since: datetime) -> int:
    """Return how many requests were answered after an instant."""
    recent = (unit_statistic.c.read_at > stamp(since), unit_statistic.c.is_assigned)
    mine = (unit_statistic.c.clinic_id == clinic_id, *recent)
    return con.execute(select(func.count()).select_from(unit_statistic).where(*mine)).scalar_one()


def note_counts(
    con: Connection,
    clinic_id: str,
    unit: Unit,
    counts: Counts | None,
    through_on: date,
    now: datetime,
) -> None:
    """Keep what LINE answered, within a transaction, in the place of an earlier answer of the day.

    None of `counts` is for a unit that LINE has not assigned.
    """
    one = {"clinic_id": clinic_id, "unit": unit.unit, "read_on": now.astimezone(TOKYO).date()}
    same = [unit_statistic.c[name] == value for name, value in one.items()]
    con.execute(delete(unit_statistic).where(*same))
    row = one | {"read_at": stamp(now), "from_on": unit.first_on, "through_on": through_on}
    row |= vars(counts or Counts(None, None))
    con.execute(insert(unit_statistic), [row | {"is_assigned": counts is not None}])


def is_last_word(unit: Unit, found: Reading) -> bool:
    """Return whether LINE will not say anything else of a unit than it did."""
    return not found.is_assigned or found.read_at >= unit.sent_at + COUNTED + GRACE


def is_hidden(unit: Unit) -> bool:
    """Return whether LINE can never show a figure of it: there are too few people."""
    return unit.recipients < SHOWN_FROM
