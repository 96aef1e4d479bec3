"""What the ledger keeps no longer than a clinic needs it.

Texts, codes nobody used, chat events that say nothing, alerts, and lines of the audit.

What a link, a consent or an occurrence rests on stays as long as the account does: consents
have to be proved, and nobody may get the same occurrence twice.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, or_, select, update

from dagster_project.clinic import Retention
from dagster_project.conversation.events import CHART_TRIED
from dagster_project.conversation.script import Script
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient, staff_alert
from dagster_project.ledger.store import stamp, writing
from dagster_project.ledger.tables import alert, audit, batch, override
from dagster_project.settings import TOKYO

SETTLED = ("accepted", "rejected", "unknown", "expired")
MEANT = ("stop", "unlink", "settings")  # what the state of an account rests on
# What the fold looks at. An old question for a chart's number, or the number alone, is none of it.
ALWAYS = ("follow", "unfollow", CHART_TRIED)
IF_SAID = ("message", "accountLink")
TAPS = ("consent", "answer", "pick", "done")
REMOVED = "[消去済み]"  # in the place of somebody's own words: that there were any still counts


@dataclass(frozen=True)
class Retired:
    """How many rows lost what they held no longer than allowed."""

    texts: int
    reasons: int
    bodies: int
    codes: int
    events: int
    alerts: int
    audit: int


def retire(
    engine: Engine, clinic_id: str, limits: Retention, as_of: date, script: Script
) -> Retired:
    """Remove what is older than its limit on a business day; the second time nothing is left.

    `script` is the clinic's: the words that start its questionnaires are nobody's own.
    """
    with writing(engine, clinic_id) as con:
        return Retired(
            _texts(con, clinic_id, as_of - timedelta(days=limits.free_text_days), script),
            _reasons(con, clinic_id, as_of - timedelta(days=limits.free_text_days)),
            _bodies(con, clinic_id, as_of - timedelta(days=limits.message_body_days)),
            _codes(con, clinic_id, as_of - timedelta(days=limits.unused_code_days)),
            _events(con, clinic_id, as_of - timedelta(days=limits.empty_event_days)),
            _alerts(con, clinic_id, as_of - timedelta(days=limits.alert_days)),
            _audit(con, clinic_id, as_of - timedelta(days=limits.audit_days)),
        )


def _texts(con: Connection, clinic_id: str, before: date, script: Script) -> int:
    """Remove what people wrote before a day, but for codes and the words that mean something.

    Of a sentence that asks to stop, the word is left. The fold gives the same accounts and
    answers afterwards.
    """
    old: Sequence[Any] = con.execute(
        select(line_event.c.event_id, line_event.c.said).where(
            line_event.c.clinic_id == clinic_id,
            line_event.c.kind == "message",
            line_event.c.code_digest.is_(None),
            line_event.c.said.not_in(("", REMOVED)),
            line_event.c.at_ms < _start(before).timestamp() * 1000,
        )
    ).all()
    left = {each.event_id: _left(each.said, script) for each in old}
    longer = [each.event_id for each in old if left[each.event_id] != each.said]
    for each in longer:
        one = and_(line_event.c.clinic_id == clinic_id, line_event.c.event_id == each)
        con.execute(update(line_event).where(one).values(said=left[each]))
    return len(longer)


def _left(said: str, script: Script) -> str:
    """Return what is left of a text: the word that it means, or a mark of somebody's own words."""
    if (word := script.words.word_meant(said, MEANT)) is not None:
        return word
    if script.started_by(said):
        return said
    return REMOVED if script.is_own_words(said) else ""


def _reasons(con: Connection, clinic_id: str, before: date) -> int:
    """Blank why a tag was set by hand, of what ended before a day."""
    ended_on = func.coalesce(override.c.withdrawn_on, override.c.expires_on)
    return con.execute(
        update(override)
        .where(override.c.clinic_id == clinic_id, ended_on < before, override.c.reason != "")
        .values(reason="")
    ).rowcount


def _bodies(con: Connection, clinic_id: str, before: date) -> int:
    """Leave of a settled request only whom it was for, which `reconcile` compares."""
    old: Sequence[Any] = con.execute(
        select(batch.c.id, batch.c.body).where(
            batch.c.clinic_id == clinic_id,
            batch.c.state.in_(SETTLED),
            batch.c.frozen_at < stamp(_start(before)),
        )
    ).all()
    bare = {each.id: json.dumps({"to": json.loads(each.body)["to"]}).encode() for each in old}
    shorter = [each for each in old if bare[each.id] != each.body]
    for each in shorter:
        con.execute(update(batch).where(batch.c.id == each.id).values(body=bare[each.id]))
    return len(shorter)


def _codes(con: Connection, clinic_id: str, before: date) -> int:
    """Delete codes that ran out before a day and that nobody ever sent."""
    sent = select(line_event.c.event_id).where(
        line_event.c.clinic_id == clinic_id, line_event.c.code_digest == link_code.c.digest
    )
    old: Sequence[str] = (
        con.execute(
            select(link_code.c.digest).where(
                link_code.c.clinic_id == clinic_id,
                link_code.c.expires_ms < _start(before).timestamp() * 1000,
                ~sent.exists(),
            )
        )
        .scalars()
        .all()
    )
    for code in old:
        con.execute(delete(link_code_patient).where(link_code_patient.c.digest == code))
        con.execute(delete(link_code).where(link_code.c.digest == code))
    return len(old)


def _events(con: Connection, clinic_id: str, before: date) -> int:
    """Delete what came before a day and says nothing of an account: stickers, other kinds.

    So do texts that were removed whole. The fold gives the same accounts and answers afterwards.
    """
    kind, said = line_event.c.kind, line_event.c.said
    tap = or_(*(said.startswith(f"{each}:") for each in TAPS))
    means_something = or_(
        kind.in_(ALWAYS),
        and_(kind.in_(IF_SAID), said != ""),
        and_(kind == "postback", tap),
    )
    return con.execute(
        delete(line_event).where(
            line_event.c.clinic_id == clinic_id,
            line_event.c.at_ms < _start(before).timestamp() * 1000,
            or_(line_event.c.line_user_id == "", ~means_something),
        )
    ).rowcount


def _alerts(con: Connection, clinic_id: str, before: date) -> int:
    """Delete what staff were told before a day, and how it was carried to them."""
    old: tuple[ColumnElement[bool], ...] = (
        staff_alert.c.clinic_id == clinic_id,
        staff_alert.c.raised_at < stamp(_start(before)),
    )
    con.execute(delete(staff_alert).where(*old))
    return con.execute(
        delete(alert).where(alert.c.clinic_id == clinic_id, alert.c.made_at < stamp(_start(before)))
    ).rowcount


def _audit(con: Connection, clinic_id: str, before: date) -> int:
    """Delete the lines of what was done before a day."""
    return con.execute(
        delete(audit).where(audit.c.clinic_id == clinic_id, audit.c.at < stamp(_start(before)))
    ).rowcount


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), TOKYO)
