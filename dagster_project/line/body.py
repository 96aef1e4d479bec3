"""The bytes of a request, made once and frozen in the ledger."""

import json
from collections.abc import Sequence

from dagster_project.line.messages import Message


def render_body(to: Sequence[str], messages: Sequence[Message], unit: str) -> bytes:
    """Return the JSON a multicast sends, or a push where there is one recipient.

    LINE asks that a retry be the same as its original: these bytes are what is
    stored, hashed and sent.
    """
    body = {
        "to": to[0] if len(to) == 1 else list(to),
        "messages": list(messages),
        "notificationDisabled": False,
        "customAggregationUnits": [unit],
    }
    return json.dumps(body).encode()
