"""What LINE's own validation said of each content: once for a version, not every night."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from dagster_project.ledger.approvals import Content
from dagster_project.ledger.channel_tables import content_check
from dagster_project.ledger.store import stamp
from dagster_project.ledger.waits import REFUSED, UNCHECKED


def note_check(
    con: Connection, clinic_id: str, content: Content, refusal: str | None, now: datetime
) -> None:
    """Keep what LINE said of a content, within a transaction; no refusal is that it takes it."""
    campaign, version = content
    row = {"clinic_id": clinic_id, "campaign": campaign, "content_version": version}
    con.execute(insert(content_check), [row | {"checked_at": stamp(now), "refusal": refusal}])


def checked(con: Connection, clinic_id: str) -> dict[Content, str | None]:
    """Return the contents LINE has looked at for a clinic, each with its last refusal or None."""
    columns = (content_check.c[name] for name in ("campaign", "content_version", "refusal"))
    query = select(*columns).where(content_check.c.clinic_id == clinic_id)
    rows: Sequence[Any] = con.execute(query.order_by(content_check.c.id)).all()
    return {(campaign, version): refusal for campaign, version, refusal in rows}


def not_to_be_sent(con: Connection, clinic_id: str, contents: Iterable[Content]) -> dict[str, str]:
    """Return the campaigns whose content LINE refuses, or has never looked at, each with why."""
    known = checked(con, clinic_id)
    return {
        content[0]: REFUSED if content in known else UNCHECKED
        for content in contents
        if known.get(content, UNCHECKED) is not None
    }
