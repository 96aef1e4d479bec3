"""A user of the simulator types, taps, follows or blocks: LINE's webhook to whoever listens."""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from dagster_project.simulator.channel import Channel
from dagster_project.simulator.state import State

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LIMIT = ClientTimeout(total=2)  # LINE gives a webhook two seconds
KINDS = {"follow", "unfollow", "message", "postback"}


async def say(request: web.Request, state: State) -> web.StreamResponse:
    """POST clinic_id, user, type, said: the user's part, delivered, and back to the chat."""
    form = await request.post()
    clinic_id, user, kind, said = (
        str(form.get(name, "")) for name in ("clinic_id", "user", "type", "said")
    )
    if clinic_id not in state.channels or kind not in KINDS or not user:
        return web.json_response({"message": "unknown channel, user or type"}, status=400)
    channel = state.channel(clinic_id)
    more: dict[str, Any] = {}
    if kind == "message":
        more = {"message": {"type": "text", "id": "1", "text": said}}
    if kind == "postback":
        more = {"postback": {"data": said}}
    shown = str(form.get("shown") or said)
    delivered = await deliver_event(state, channel, user, kind, shown, more)
    raise web.HTTPSeeOther(f"/chat?clinic_id={clinic_id}&user={user}&delivered={delivered}")


async def block_when_due(state: State) -> None:
    """Have those block whose hour has come, each at that hour, and tell the webhook."""
    for channel in list(state.channels.values()):
        for at, user in channel.due_to_leave(state.now()):
            # Another request may have seen to it while the webhook was told of the one before.
            if user in channel.leaving:
                await deliver_event(state, channel, user, "unfollow", "", {}, at)


async def deliver_event(
    state: State,
    channel: Channel,
    user: str,
    kind: str,
    shown: str,
    more: dict[str, Any],
    at: datetime | None = None,
) -> str:
    """Write what a user did into the talk and tell the webhook; return its status, or why not.

    It is now, or was at an earlier instant.
    """
    at = at or state.now()
    timestamp = max(int(at.timestamp() * 1000), channel.last_ms + 1)
    event = _event(channel, user, kind, timestamp) | more
    if token := event.get("replyToken"):
        channel.reply_tokens[str(token)] = (user, state.now())
    done: dict[str, Any] = {"user": user, "type": kind, "at": at.isoformat()}
    done |= {"text": shown, "timestamp": timestamp}
    state.record({"event": "said", "clinic_id": channel.clinic_id, "said": done})
    return await call_webhook(channel, event)


def _event(channel: Channel, user: str, kind: str, timestamp: int) -> dict[str, Any]:
    event: dict[str, Any] = {
        "type": kind,
        "mode": "active",
        "timestamp": timestamp,
        "source": {"type": "user", "userId": user},
        "webhookEventId": _ulid(timestamp),
        "deliveryContext": {"isRedelivery": False},
    }
    # Who unblocks follows, and can be answered again.
    if kind == "follow" or (kind != "unfollow" and user not in channel.blocked):
        event["replyToken"] = secrets.token_hex(16)
    return event


def _ulid(timestamp: int) -> str:
    number = (timestamp << 80) | secrets.randbits(80)
    return "".join(CROCKFORD[(number >> 5 * place) & 31] for place in reversed(range(26)))


async def call_webhook(channel: Channel, *events: dict[str, Any]) -> str:
    """Send one webhook, signed as LINE signs; return the status, or why there is none."""
    if channel.webhook is None or not channel.is_webhook_used:
        return "nobody"
    raw = json.dumps({"destination": channel.basic_id, "events": events}, ensure_ascii=False)
    body = raw.encode()
    secret = f"simulator-secret:{channel.clinic_id}"
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    headers = {"x-line-signature": signature.decode(), "Content-Type": "application/json"}
    try:
        async with (
            ClientSession(timeout=LIMIT) as session,
            session.post(channel.webhook, data=body, headers=headers) as response,
        ):
            return str(response.status)
    except (ClientError, TimeoutError):
        return "unreachable"
