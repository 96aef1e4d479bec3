"""Approvals: a second person's word that a campaign may say what it says."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.store import reading, stamp
from dagster_project.ledger.tables import approval, audience_approval, batch, intent
from dagster_project.ledger.waits import AWAITING
from dagster_project.publish import Build

Content = tuple[str, str]  # campaign, content_version


class ApprovalError(Exception):
    """An approval that cannot be recorded; the message says what to do."""


@dataclass(frozen=True)
class Wish:
    """What is to be approved, by whom, and whose work it is where the campaign says so."""

    content: Content
    owner: str | None
    made_by: str


def approve(con: Connection, clinic_id: str, wish: Wish, as_of: date, now: datetime) -> None:
    """Record an approval of a content for a day. Raises ApprovalError for the owner's own."""
    name = _checker(wish)
    campaign, version = wish.content
    row = {"clinic_id": clinic_id, "campaign": campaign, "content_version": version}
    row |= {"made_by": name, "made_at": stamp(now)}
    con.execute(insert(approval), [row | {"as_of": as_of}])
    write_audit(con, now, clinic_id, "approved", f"campaign {campaign}", f"{version} by {name}")


def approve_audience(
    con: Connection, wish: Wish, build: Build, members: int, now: datetime
) -> None:
    """Record that a campaign may go to so many people on a night's day, and to no other number.

    Raises ApprovalError for the owner's own.
    """
    name, campaign = _checker(wish), wish.content[0]
    row = {"clinic_id": build.clinic_id, "campaign": campaign, "as_of": build.as_of}
    row |= {"build_id": build.build_id, "members": members}
    con.execute(insert(audience_approval), [row | {"made_by": name, "made_at": stamp(now)}])
    detail = f"{members} people of {build.build_id} by {name}"
    write_audit(con, now, build.clinic_id, "audience_approved", f"campaign {campaign}", detail)


def audiences_for_warehouse(engine: Engine, clinic_id: str) -> list[tuple[str, date, int]]:
    """Return the rows of `ledger.audience_approvals`."""
    columns = (audience_approval.c[name] for name in ("campaign", "as_of", "members"))
    query = select(*columns).where(audience_approval.c.clinic_id == clinic_id)
    with reading(engine) as con:
        rows: Sequence[Any] = con.execute(query.order_by(audience_approval.c.id)).all()
    return [(campaign, as_of, members) for campaign, as_of, members in rows]


def _checker(wish: Wish) -> str:
    """Return who approves. Raises ApprovalError without a name, and for the owner's own."""
    name = wish.made_by.strip()
    if not name:
        raise ApprovalError("this needs a name: --by NAME (承認者を書いてください)")
    if wish.owner and _folded(name) == _folded(wish.owner):
        raise ApprovalError(
            f"{name} owns {wish.content[0]}: somebody else approves it (作った人は承認できません)"
        )
    return name


def _folded(name: str) -> str:
    """Return a name that is the same however it is typed: width, blanks, capitals."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def approved(con: Connection, clinic_id: str, on: date | None = None) -> set[Content]:
    """Return the contents a clinic's people approved, ever or on one business day."""
    chosen = [approval.c.clinic_id == clinic_id]
    if on is not None:
        chosen.append(approval.c.as_of == on)
    rows = con.execute(select(approval.c.campaign, approval.c.content_version).where(*chosen))
    return {(str(campaign), str(version)) for campaign, version in rows}


def sent_before(con: Connection, clinic_id: str) -> set[Content]:
    """Return the contents that LINE has accepted from a clinic at least once."""
    query = (
        select(intent.c.campaign, intent.c.content_version)
        .join(batch, batch.c.id == intent.c.batch_id)
        .where(batch.c.clinic_id == clinic_id, batch.c.state == "accepted")
        .distinct()
    )
    return {(str(campaign), str(version)) for campaign, version in con.execute(query)}


def awaiting_approval(con: Connection, clinic_id: str) -> dict[str, int]:
    """Return the campaigns that wait for an approval, each with the messages that wait for it."""
    rows: Sequence[Any] = con.execute(
        select(intent.c.campaign, func.count())
        .where(
            intent.c.clinic_id == clinic_id,
            intent.c.state == "planned",
            intent.c.reason == AWAITING,
        )
        .group_by(intent.c.campaign)
        .order_by(intent.c.campaign)
    ).all()
    return {row.campaign: row[1] for row in rows}
