"""What is left when trying is over: proof from LINE's own list, or a flag for a person."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from dagster_project.delivery.channel import Channel
from dagster_project.ledger.batches import DEADLINE, Batch, batches_in, settle, take_back
from dagster_project.ledger.dead_letters import withdraw_resend
from dagster_project.ledger.store import reading, stamp, writing
from dagster_project.settings import TOKYO


def doubtful(engine: Engine, clinic_id: str, now: datetime) -> list[Batch]:
    """Return the batches past their deadline, and this month's unknown ones: to be looked up."""
    with reading(engine) as con:
        under_way = batches_in(con, clinic_id, "sending")
        flagged = batches_in(con, clinic_id, "unknown")
    deadline = stamp(now - DEADLINE)
    return [row for row in under_way if row.first_try_at and row.first_try_at <= deadline] + [
        row for row in flagged if _month(row) == _of(now)
    ]


def settle_doubtful(
    engine: Engine, clinic_id: str, rows: Sequence[Batch], channel: Channel, now: datetime
) -> tuple[int, int]:
    """Decide doubtful batches and return people (proved to be reached, newly flagged).

    Every batch has a unit name of its own, so a name in LINE's list of this month
    proves that the batch was accepted. Absence proves nothing: such a batch becomes
    unknown, is left for a person, and never tried again.
    """
    seen = _seen(channel) if rows else set()
    found = unknown = 0
    with writing(engine, clinic_id) as con:
        for row in rows:
            if row.unit in seen:
                before = ("sending", "unknown")
                if settle(con, row.id, before, "accepted", "seen in unit list", now):
                    found += row.recipients
                    withdraw_resend(con, row.id, now)
            elif row.state == "sending" and settle(
                con, row.id, ("sending",), "unknown", "deadline", now
            ):
                unknown += row.recipients
    return found, unknown


def expire_missed(engine: Engine, clinic_id: str, now: datetime) -> int:
    """Take back batches that never arrived and whose hour has passed; return people.

    Their intents may be planned again another night.
    """
    expired = 0
    with writing(engine, clinic_id) as con:
        for row in batches_in(con, clinic_id, "frozen"):
            if row.not_after <= stamp(now):
                take_back(con, row.id, "expired", row.reason or "window_missed", stamp(now))
                expired += row.recipients
    return expired


def _seen(channel: Channel) -> set[str]:
    try:
        return channel.aggregation_units()
    except Exception:  # noqa: BLE001 - a list that cannot be read proves nothing, for any reason
        return set()


def _month(row: Batch) -> str:
    return _of(datetime.fromisoformat(row.first_try_at)) if row.first_try_at else ""


def _of(moment: datetime) -> str:
    return moment.astimezone(TOKYO).strftime("%Y-%m")
