"""What LINE said of what was sent, by unit: the units there are, and their newest readings."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from dagster_project.ledger.statistic_tables import unit_statistic
from dagster_project.ledger.tables import batch, intent
from dagster_project.settings import TOKYO

COUNTED = timedelta(days=14)  # from its sending, LINE counts what people do with a message
GRACE = timedelta(days=1)  # after which it shows the last of it
SHOWN_FROM = 20  # people; LINE never shows a figure of fewer


@dataclass(frozen=True)
class Unit:
    """What was sent under one unit name, which is one batch; `sent_at` is in Asia/Tokyo."""

    batch_id: str
    unit: str
    campaign: str
    step: int
    content_version: str
    recipients: int
    sent_at: datetime


@dataclass(frozen=True)
class Reading:
    """LINE's answer: how many people opened, and how many opened a link.

    None is a figure that LINE does not show. `read_at` is in Asia/Tokyo.
    """

    read_at: datetime
    impressions: int | None
    clicks: int | None


def left_at(row: Row[Any]) -> datetime | None:
    """Return when a batch reached LINE, in Asia/Tokyo; None where it is not known to have.

    Where LINE's own answer never came, that is when it was first tried: for one that a person
    must decide of, and for one that LINE's list of units proved later.
    """
    if row.batch_state not in {"accepted", "unknown"}:
        return None
    at = row.accepted_at if row.accepted_request_id else row.first_try_at or row.accepted_at
    return _local(at) if at else None


def units_sent(con: Connection, clinic_id: str) -> list[Unit]:
    """Return every unit that LINE accepted, the newest first."""
    query = (
        select(
            batch.c.id,
            batch.c.unit,
            batch.c.campaign,
            batch.c.recipients,
            batch.c.state.label("batch_state"),
            batch.c.accepted_at,
            batch.c.accepted_request_id,
            batch.c.first_try_at,
            # All of a batch are of one occurrence.
            func.max(intent.c.step).label("step"),
            func.max(intent.c.content_version).label("content_version"),
        )
        .join(intent, intent.c.batch_id == batch.c.id)
        .where(batch.c.clinic_id == clinic_id, batch.c.state == "accepted")
        .group_by(batch.c.id)
    )
    found = [
        Unit(row.id, row.unit, row.campaign, row.step, row.content_version, row.recipients, sent_at)
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
        row.unit: Reading(_local(row.read_at), row.impressions, row.clicks)
        for row in con.execute(query)
    }


def is_frozen(unit: Unit, read_at: datetime) -> bool:
    """Return whether what LINE says of a unit at an instant is its last word."""
    return read_at >= unit.sent_at + COUNTED + GRACE


def is_hidden(unit: Unit) -> bool:
    """Return whether LINE can never show a figure of it: there are too few people."""
    return unit.recipients < SHOWN_FROM


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(TOKYO)
