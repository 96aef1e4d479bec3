"""LINE's webhook events, read tolerantly: what is unknown is kept, and means nothing.

The SDK's parser loses a whole webhook over one unknown `mode`, so it is not used.
Source: https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any

from dagster_project.conversation.codes import digest
from dagster_project.settings import TOKYO

MAX_SAID = 5000
MAX_KIND = 40
MAX_MESSAGE_ID = 40
MAX_EVENTS = 5000  # the smallest real ones would fill more than a webhook may hold
TIMES = range(253_000_000_000_000)  # of milliseconds that are a day of the calendar
# Kinds of our own, which nobody can deliver: what became of a message about a chart (chart.py).
CHART_ASKED, CHART_NAMED, CHART_TRIED = "chart_asked", "chart_named", "chart_tried"
UNSEND = "unsend"  # the sender took a message back
OURS = {CHART_ASKED, CHART_NAMED, CHART_TRIED}


class BodyError(Exception):
    """A signed body that is not a webhook; the text never quotes it."""


@dataclass(frozen=True, order=True)
class Event:
    """One event of one account, ordered as it happened. `said` is a text, or a postback's data.

    `message_id` is LINE's, of the message that is said, or that is taken back.
    """

    at_ms: int
    event_id: str
    kind: str  # follow, unfollow, message, postback, ...
    line_user_id: str
    said: str = ""
    message_id: str = ""


@dataclass(frozen=True)
class Arrival:
    """An event as it was delivered: with the token to answer it, if it may be answered."""

    event: Event
    reply_token: str | None


def parse(body: bytes) -> list[Arrival]:
    """Return the events of a webhook body, none for LINE's ping. Raises BodyError."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BodyError("the body is not JSON") from None
    events = content.get("events") if isinstance(content, dict) else None
    if not isinstance(events, list):
        raise BodyError("the body has no list of events")
    if len(events) > MAX_EVENTS:
        raise BodyError("the body has more events than any webhook")
    try:
        return [_arrival(each) for each in events if isinstance(each, dict)]
    except RecursionError:
        raise BodyError("an event is nested too deeply") from None


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return each event once, as they happened: of two with one id the smaller, whichever came."""
    once: dict[str, Event] = {}
    for each in events:
        known = once.setdefault(each.event_id, each)
        if each is not known and each < known:
            once[each.event_id] = each
    return sorted(once.values(), key=attrgetter("at_ms", "event_id"))


def day_of(event: Event) -> date:
    """Return the day of an event in Asia/Tokyo."""
    return tokyo_day(event.at_ms)


def tokyo_day(at_ms: int) -> date:
    """Return the day of an instant in Asia/Tokyo."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(TOKYO).date()


def _arrival(raw: dict[str, Any]) -> Arrival:
    source = raw.get("source")
    user = source.get("userId") if isinstance(source, dict) else None
    at_ms = raw.get("timestamp")
    kind = raw.get("type")
    is_time = isinstance(at_ms, int) and not isinstance(at_ms, bool) and at_ms in TIMES
    event = Event(
        at_ms=at_ms if is_time and isinstance(at_ms, int) else 0,
        event_id=_id(raw),
        kind=_kind(kind),
        line_user_id=_clean(user, 40) if isinstance(user, str) else "",
        said=_said(raw),
        message_id=_message_id(raw),
    )
    token = raw.get("replyToken")
    # On standby another system has the word; in a group others read along.
    is_alone = not isinstance(source, dict) or source.get("type", "user") == "user"
    may_answer = raw.get("mode") == "active" and is_alone and isinstance(token, str)
    return Arrival(event, token if may_answer else None)


def _kind(kind: object) -> str:
    """Return the kind of an event; after it was cleaned, lest one of ours be smuggled in."""
    cleaned = _clean(kind, MAX_KIND) if isinstance(kind, str) else "unknown"
    return "unknown" if cleaned in OURS else cleaned


def _id(raw: dict[str, Any]) -> str:
    """Return LINE's id of the event, or for want of one the same id for the same event."""
    found = raw.get("webhookEventId")
    if isinstance(found, str) and 0 < len(found) <= 60 and found.isalnum():
        return found
    kept = {key: value for key, value in raw.items() if key != "deliveryContext"}
    text = json.dumps(kept, sort_keys=True, ensure_ascii=True)
    return f"sha256{hashlib.sha256(text.encode()).hexdigest()[:48]}"


def _said(raw: dict[str, Any]) -> str:
    link = raw.get("link")
    if isinstance(link, dict) and link.get("result") == "ok" and isinstance(link.get("nonce"), str):
        return digest(link["nonce"])  # a nonce is a secret, as a code is
    for part, key in (("message", "text"), ("postback", "data")):
        found = raw.get(part)
        if isinstance(found, dict) and isinstance(found.get(key), str):
            return _clean(found[key], MAX_SAID)
    return ""


def _message_id(raw: dict[str, Any]) -> str:
    for part, key in (("message", "id"), ("unsend", "messageId")):
        found = raw.get(part)
        if isinstance(found, dict) and isinstance(found.get(key), str):
            return _clean(found[key], MAX_MESSAGE_ID)
    return ""


def _clean(text: str, longest: int) -> str:
    """Return a text that every database can keep: cut, without NUL and lone surrogates."""
    kept = text[:longest].replace("\0", "")
    return kept.encode("utf-8", "replace").decode("utf-8")
