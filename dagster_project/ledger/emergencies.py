"""That somebody wrote of an emergency: an audit line and an alert, with the event or not at all."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from dagster_project.conversation.events import Event
from dagster_project.conversation.words import words
from dagster_project.forget.hashes import Forgotten
from dagster_project.ledger.alerts import is_written, raise_written
from dagster_project.ledger.audit import write_audit

KIND = "urgent_message"
URGENT = (
    "緊急を要することばを含むメッセージがありました。"
    "LINE公式アカウントのチャットで、この時刻のトークをご確認ください。"
)


def report(
    con: Connection,
    clinic_id: str,
    events: Iterable[Event],
    now: datetime,
    targets: Sequence[str],
    key: bytes = b"",
) -> set[str]:
    """Write of each emergency that is not written yet, and return the ids of those events.

    What was said stays with the event. With a `key` the account is named by its hash alone.
    """
    told = set()
    for event in events:
        is_urgent = event.kind == "message" and words().is_urgent(event.said)
        if not is_urgent or is_written(con, clinic_id, KIND, event.event_id):
            continue
        user = event.line_user_id
        who = Forgotten(clinic_id, key).of_account(user) if key else user
        write_audit(con, now, clinic_id, KIND, who, event.event_id)
        raise_written(con, now, clinic_id, KIND, event.event_id, f"{URGENT}({who})", targets)
        told.add(event.event_id)
    return told
