"""LINE's side of a webhook for tests: events, bodies, signatures."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from dagster_project.settings import TOKYO

NUMBERS = count(1)
START = datetime(2026, 6, 1, 9, tzinfo=TOKYO)


def event(kind: str, user: str, at: datetime | int, **more: Any) -> dict[str, Any]:
    """Return an event as LINE writes it; `at` may be minutes after the start."""
    moment = at if isinstance(at, int) else int((at - START).total_seconds() // 60)
    return {
        "type": kind,
        "mode": "active",
        "timestamp": int(START.timestamp() * 1000) + moment * 60_000,
        "source": {"type": "user", "userId": user},
        "webhookEventId": f"01HX{next(NUMBERS):022d}",
        "deliveryContext": {"isRedelivery": False},
        **more,
    }


def text(said: str, user: str, at: datetime | int, **more: Any) -> dict[str, Any]:
    message = {"type": "text", "id": "1", "text": said}
    return event("message", user, at, message=message, **more)


def tap(data: str, user: str, at: datetime | int, **more: Any) -> dict[str, Any]:
    return event("postback", user, at, postback={"data": data}, **more)


def body(events: Sequence[dict[str, Any]]) -> bytes:
    content = {"destination": f"U{0:032x}", "events": list(events)}
    return json.dumps(content, ensure_ascii=False).encode()


def signature(raw: bytes, secret: str) -> str:
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
