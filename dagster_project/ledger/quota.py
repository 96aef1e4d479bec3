"""What LINE said of the month's quota, each time it was asked, and what is left by our own count.

LINE calls its consumption approximate and does not say how late it is. For a day after each
answer we therefore count what was accepted since it ourselves, and believe the larger figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select

from dagster_project.ledger.store import stamp
from dagster_project.ledger.tables import batch, quota_reading
from dagster_project.line.replies import Quota
from dagster_project.settings import TOKYO

LAG = timedelta(days=1)  # after which LINE has counted what it accepted
UNDER_WAY = ("sending", "frozen")


@dataclass(frozen=True)
class Room:
    """How many more people fit this month; negative where more are under way than fit.

    `left` is None where there is no limit at all, and where nobody knows: then `read_at`, the
    instant in UTC of LINE's last answer this month, is None too.
    """

    left: int | None
    read_at: datetime | None
    used: int = 0
    limit: int | None = None


UNKNOWN_ROOM = Room(None, None)


def note_quota(con: Connection, clinic_id: str, quota: Quota, now: datetime) -> None:
    """Keep what LINE answered, within a transaction."""
    row = {"clinic_id": clinic_id, "monthly_limit": quota.limit, "used": quota.used}
    con.execute(insert(quota_reading), [row | {"read_at": stamp(now)}])


def room_now(con: Connection, clinic_id: str, own_limit: int | None, now: datetime) -> Room:
    """Return what this month has left, by LINE's last answer, our own count and the own limit.

    Batches under way take their place; frozen ones as long as they may leave.
    The clinic's own limit counts as well: an account without a cap at LINE could run up any bill.
    """
    readings = _this_month(con, clinic_id, now)
    if not readings:
        return UNKNOWN_ROOM
    latest = readings[0]
    recent = [each for each in readings if each.read_at > stamp(now - LAG)]
    since = min(each.read_at for each in (latest, *recent))
    counted = or_(
        batch.c.state.in_(UNDER_WAY), and_(batch.c.state == "accepted", batch.c.accepted_at > since)
    )
    batches: Sequence[Any] = con.execute(
        select(batch.c.state, batch.c.recipients, batch.c.accepted_at, batch.c.not_after).where(
            batch.c.clinic_id == clinic_id, counted
        )
    ).all()
    accepted = [each for each in batches if each.state == "accepted"]
    used = max(
        answer.used + sum(one.recipients for one in accepted if one.accepted_at > answer.read_at)
        for answer in (latest, *recent)
    )
    taken = sum(
        each.recipients
        for each in batches
        if each.state == "sending" or (each.state == "frozen" and each.not_after > stamp(now))
    )
    limits = [each for each in (latest.monthly_limit, own_limit) if each is not None]
    limit = min(limits) if limits else None
    read_at = datetime.fromisoformat(latest.read_at).astimezone(UTC)
    left = None if limit is None else limit - used - taken
    return Room(left, read_at, used, limit)


def last_answer(con: Connection, clinic_id: str, month: date) -> Quota | None:
    """Return what LINE last said in a month, of which the first day is given; None if nothing."""
    first = datetime(month.year, month.month, 1, tzinfo=TOKYO)
    after = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=TOKYO)
    read_at = quota_reading.c.read_at
    mine = (quota_reading.c.clinic_id == clinic_id, read_at >= stamp(first), read_at < stamp(after))
    newest_first = (read_at.desc(), quota_reading.c.id.desc())
    row = con.execute(select(quota_reading).where(*mine).order_by(*newest_first)).first()
    return None if row is None else Quota(row.monthly_limit, row.used)


def _this_month(con: Connection, clinic_id: str, now: datetime) -> Sequence[Any]:
    """Return LINE's answers since the month began in Japan, the latest first."""
    first = now.astimezone(TOKYO).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    mine = (quota_reading.c.clinic_id == clinic_id, quota_reading.c.read_at >= stamp(first))
    newest_first = (quota_reading.c.read_at.desc(), quota_reading.c.id.desc())
    return con.execute(select(quota_reading).where(*mine).order_by(*newest_first)).all()
