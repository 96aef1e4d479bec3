"""What the warehouse may know of past deliveries, and of what came of them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, and_, select

from dagster_project.conversation.events import tokyo_day
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.statistics import (
    is_hidden,
    is_last_word,
    left_at,
    newest_readings,
    units_sent,
)
from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import batch, intent, intent_patient
from dagster_project.settings import TOKYO

Delivery = tuple[
    str, str, int, str, str, str, date, datetime | None, str | None, str, str, str
]  # as `ledger.deliveries`
Statistic = tuple[
    str, str, str, int, str, date, int, date | None, bool, int | None, int | None
]  # as `ledger.unit_statistics`
INTENT = (
    "occurrence_id", "campaign", "step", "line_user_id", "state", "as_of", "batch_id",
    "content_version", "purpose", "variant",
)  # fmt: skip


def deliveries_for_warehouse(engine: Engine, clinic_id: str) -> list[Delivery]:
    """Return the rows of `ledger.deliveries`, in its order of columns: patient and occurrence.

    The state is the batch's where there is one, but `batched` while it is under way.
    """
    query = (
        select(
            *(intent.c[name] for name in INTENT),
            intent_patient.c.patient_id,
            batch.c.state.label("batch_state"),
            batch.c.accepted_at,
            batch.c.accepted_request_id,
            batch.c.first_try_at,
        )
        .join(
            intent_patient,
            and_(
                intent_patient.c.occurrence_id == intent.c.occurrence_id,
                intent_patient.c.line_user_id == intent.c.line_user_id,
            ),
        )
        .outerjoin(batch, batch.c.id == intent.c.batch_id)
        .where(intent.c.clinic_id == clinic_id)
    )
    with reading(engine) as con:
        return [
            (
                row.occurrence_id,
                row.campaign,
                row.step,
                row.line_user_id,
                row.patient_id,
                _state(row.state, row.batch_state),
                row.as_of,
                _local(left_at(row)),
                row.batch_id,
                row.content_version,
                row.purpose,
                row.variant,
            )
            for row in con.execute(query)
        ]


def statistics_for_warehouse(engine: Engine, clinic_id: str, as_of: date) -> list[Statistic]:
    """Return the rows of `ledger.unit_statistics`: each unit's newest reading up to a day.

    A unit of fewer people than LINE ever shows is never asked for: it has no reading, and its
    figures are hidden for good. One that was not read yet has no row.
    """
    with reading(engine) as con:
        readings = newest_readings(con, clinic_id, as_of)
        units = units_sent(con, clinic_id)
    return [
        (
            each.batch_id,
            each.unit,
            each.campaign,
            each.step,
            each.content_version,
            each.sent_at.date(),
            each.recipients,
            found.read_at.date() if found else None,
            is_last_word(each, found) if found else True,
            _part_of(each.recipients, found.impressions) if found else None,
            _part_of(each.recipients, found.clicks) if found else None,
        )
        for each in units
        if (found := readings.get(each.unit)) or is_hidden(each)
    ]


def blocks_for_warehouse(engine: Engine, clinic_id: str, as_of: date) -> list[tuple[str, datetime]]:
    """Return the rows of `ledger.blocks`: who blocked when, up to a day, by LINE's own events."""
    events = (line_event.c.clinic_id == clinic_id) & (line_event.c.kind == "unfollow")
    query = select(line_event.c.line_user_id, line_event.c.at_ms).where(events)
    with reading(engine) as con:
        found: Sequence[Any] = con.execute(query).all()
    return [
        (user, datetime.fromtimestamp(at_ms / 1000, TOKYO).replace(tzinfo=None))
        for user, at_ms in sorted(found)
        if tokyo_day(at_ms) <= as_of
    ]


def _part_of(recipients: int, people: int | None) -> int | None:
    """Return a figure of LINE's, no larger than it can be: LINE says that it may be off."""
    return None if people is None else min(people, recipients)


def _state(own: str, of_batch: str | None) -> str:
    return of_batch if own == "batched" and of_batch in {"accepted", "unknown"} else own


def _local(at: datetime | None) -> datetime | None:
    """Return an instant as the warehouse keeps it: Asia/Tokyo, without saying so."""
    return at and at.replace(tzinfo=None)
