"""What its sender took back in the chat is taken out of the ledger, whichever event came first.

What it did by itself stays done: a stop, an unlinking, a code that was used.
Source: https://developers.line.biz/en/reference/messaging-api/#unsend-event
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from dagster_project.conversation.events import UNSEND, Event
from dagster_project.conversation.words import words
from dagster_project.ledger.chat_tables import line_event

DONE = ("stop", "unlink", "settings")
ACCOUNTS = 500  # in one statement; every database has its limit


def take_back(con: Connection, clinic_id: str, new: Iterable[Event]) -> None:
    """Empty the texts that were taken back, of the accounts that have just written."""
    users = sorted({each.line_user_id for each in new if each.message_id})
    for first in range(0, len(users), ACCOUNTS):
        gone = select(line_event.c.line_user_id, line_event.c.message_id).where(
            line_event.c.clinic_id == clinic_id,
            line_event.c.line_user_id.in_(users[first : first + ACCOUNTS]),
            line_event.c.kind == UNSEND,
        )
        found: Sequence[Any] = con.execute(gone.distinct()).all()
        for user, message_id in found:
            _empty(con, clinic_id, user, message_id)


def _empty(con: Connection, clinic_id: str, user: str, message_id: str) -> None:
    here = line_event.c.clinic_id == clinic_id
    texts: Sequence[Any] = con.execute(
        select(line_event.c.event_id, line_event.c.said).where(
            here,
            line_event.c.line_user_id == user,
            line_event.c.kind == "message",
            line_event.c.message_id == message_id,
            line_event.c.code_digest.is_(None),
        )
    ).all()
    for each in texts:
        if (left := words().word_meant(each.said, DONE) or "") != each.said:
            con.execute(
                update(line_event)
                .where(here, line_event.c.event_id == each.event_id)
                .values(said=left)
            )
