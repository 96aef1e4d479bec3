"""What is left when trying is over: proof from LINE's own list, or a flag for a person."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from dagster_project.delivery.channel import Channel
from dagster_project.ledger.batches import DEADLINE, Batch, batches_in, settle, take_back
from dagster_project.ledger.store import stamp
from dagster_project.settings import TOKYO


def settle_overdue(
    engine: Engine, clinic_id: str, channel: Channel, now: datetime
) -> tuple[int, int]:
    """Decide batches past their deadline and return people (proved to be reached, flagged).

    Every batch has a unit name of its own, so a name in LINE's list of this month
    proves that the batch was accepted. Absence proves nothing: such a batch becomes
    unknown, is left for a person, and never tried again. Unknown ones of this month
    are looked up again each time.
    """
    overdue = [
        row
        for row in batches_in(engine, clinic_id, "sending")
        if row.first_try_at and row.first_try_at <= stamp(now - DEADLINE)
    ]
    flagged = [row for row in batches_in(engine, clinic_id, "unknown") if _month(row) == _of(now)]
    seen = _seen(channel) if overdue or flagged else set()
    found = unknown = 0
    for row in (*overdue, *flagged):
        if row.unit in seen:
            is_moved = settle(
                engine, row.id, ("sending", "unknown"), "accepted", "seen in unit list", now
            )
            found += row.recipients if is_moved else 0
        elif row.state == "sending" and settle(
            engine, row.id, ("sending",), "unknown", "deadline", now
        ):
            unknown += row.recipients
    return found, unknown


def expire_missed(engine: Engine, clinic_id: str, now: datetime) -> int:
    """Take back batches that never arrived and whose hour has passed; return people.

    Their intents may be planned again another night.
    """
    expired = 0
    for row in _missed(engine, clinic_id, now):
        with engine.begin() as con:
            if take_back(con, row.id, "expired", row.reason or "window_missed", stamp(now)):
                expired += row.recipients
    return expired


def _missed(engine: Engine, clinic_id: str, now: datetime) -> Sequence[Batch]:
    return [row for row in batches_in(engine, clinic_id, "frozen") if row.not_after <= stamp(now)]


def _seen(channel: Channel) -> set[str]:
    try:
        return channel.aggregation_units()
    except Exception:  # noqa: BLE001 - a list that cannot be read proves nothing, for any reason
        return set()


def _month(row: Batch) -> str:
    return _of(datetime.fromisoformat(row.first_try_at)) if row.first_try_at else ""


def _of(moment: datetime) -> str:
    return moment.astimezone(TOKYO).strftime("%Y-%m")
