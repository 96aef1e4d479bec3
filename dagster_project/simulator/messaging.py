"""LINE's message endpoints, as documented, with faults on script."""

import hashlib
import json

from aiohttp import web

from dagster_project.simulator.answers import (
    MONTHLY_LIMIT,
    NOT_JSON,
    RATE_LIMIT,
    Body,
    answer,
    error,
    invalid,
    new_request_id,
    one_error,
)
from dagster_project.simulator.channel import REPLY_TOKEN_LIFE, Channel, RetryKey
from dagster_project.simulator.faults import AFTER, BEFORE, RESERVED, SLOW, delay, fail
from dagster_project.simulator.state import State
from dagster_project.simulator.validation import problem_of, problem_of_messages

PUSH_RATE, MULTICAST_RATE = 2000, 200  # requests a second
MAX_BODY = 2 * 1024 * 1024


async def push(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/message/push."""
    return await _send(request, state, channel, is_push=True)


async def multicast(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/message/multicast."""
    return await _send(request, state, channel, is_push=False)


async def reply(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/message/reply: once, within a minute, free of quota."""
    body = _parsed(await request.read())
    if body is None:
        return error(400, NOT_JSON)
    if problem := problem_of_messages(body.get("messages")):
        return answer(400, problem)
    user, at = channel.reply_tokens.pop(str(body.get("replyToken")), ("", state.now()))
    if not user or state.now() - at > REPLY_TOKEN_LIFE:
        return error(400, "Invalid reply token")
    said: Body = {"user": user, "at": state.now().isoformat(), "type": "reply"}
    said |= {"messages": body["messages"], "timestamp": channel.last_ms}
    state.record({"event": "replied", "clinic_id": channel.clinic_id, "said": said})
    return answer(200, {"sentMessages": [{"id": "1"} for _ in body["messages"]]})


async def validate(request: web.Request, _: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/message/validate/...: checks the messages, sends nothing, costs nothing."""
    body = _parsed(await request.read()) or {}
    messages = body.get("messages")
    problem = problem_of_messages(messages) or _own_rule(channel, messages)
    return answer(400, problem) if problem else answer(200, {})


async def _send(
    request: web.Request, state: State, channel: Channel, *, is_push: bool
) -> web.StreamResponse:
    raw = await request.read()
    request_id = new_request_id()
    key = request.headers.get("X-Line-Retry-Key")
    fault, _, argument = (channel.faults.pop(0) if channel.faults else "").partition(":")
    channel.requests.append({"request_id": request_id, "retry_key": key, "fault": fault})
    known = channel.retry_key(key, state.now()) if key else RetryKey(state.now())
    if not channel.is_within_rate(
        request.path, PUSH_RATE if is_push else MULTICAST_RATE, state.now()
    ):
        return error(429, RATE_LIMIT, request_id)
    if fault in BEFORE:
        return await fail(request, fault, argument, request_id)
    if fault == SLOW:
        await delay(argument)
        # Meanwhile a retry may have been faster.
        known = channel.retry_key(key, state.now()) if key else known
    digest = hashlib.sha256(raw).hexdigest()
    body = _parsed(raw)
    if known.request_id:
        channel.altered_retries += known.sha256 != digest
        return _already(known.request_id, body, request_id)
    if len(raw) > MAX_BODY:
        return error(413, "Payload Too Large", request_id)
    if body is None:
        return error(400, NOT_JSON, request_id)
    if refusal := _refusal(channel, body, request_id, is_push=is_push):
        return refusal
    to = [body["to"]] if is_push else body["to"]
    left = channel.left(state.now())
    if fault == RESERVED or (left is not None and len(to) > left):
        return error(429, MONTHLY_LIMIT, request_id)
    accepted = {
        "body": body,
        "retry_key": key,
        "key_first_at": known.first_at.isoformat(),
        "request_id": request_id,
        "sha256": digest,
    }
    event = {"event": "accepted", "clinic_id": channel.clinic_id, "at": state.now().isoformat()}
    state.record(event | {"request": accepted})
    if fault in AFTER:
        return await fail(request, fault, argument, request_id)
    return answer(200, _sent(body, request_id) if is_push else {}, request_id)


def _parsed(raw: bytes) -> Body | None:
    """Return a body, None when it is not a JSON object."""
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _refusal(
    channel: Channel, body: Body, request_id: str, *, is_push: bool
) -> web.Response | None:
    """Return LINE's refusal of a request it has not taken before, None when it takes it."""
    problem = problem_of(body, is_push=is_push) or _own_rule(channel, body["messages"])
    if problem:
        return answer(400, problem, request_id)
    to = [body["to"]] if is_push else body["to"]
    strangers = [n for n, user in enumerate(to) if user not in channel.friends]
    if strangers and channel.unknown_users == "refused":
        if is_push:
            return error(400, "Failed to send messages", request_id)
        return answer(400, invalid(f"to[{strangers[0]}]"), request_id)
    return None


def _own_rule(channel: Channel, messages: object) -> Body | None:
    """Return an error for a text this channel was told to refuse: not all rules are documented."""
    for position, message in enumerate(messages if isinstance(messages, list) else []):
        if channel.refuses and channel.refuses in json.dumps(message, ensure_ascii=False):
            return one_error(f"messages[{position}].text", "May not be used")
    return None


def _already(accepted: str, body: Body | None, request_id: str) -> web.Response:
    """Return the answer to a key that was accepted: for a push, with the same message ids."""
    again: Body = {"message": "The retry key is already accepted"}
    if body and isinstance(body.get("to"), str):
        again |= _sent(body, accepted)
    return answer(409, again, request_id, {"X-Line-Accepted-Request-Id": accepted})


def _sent(body: Body, accepted: str) -> Body:
    """Return the ids of a push's messages, always the same for the same accepted request."""
    first = int(hashlib.sha256(accepted.encode()).hexdigest()[:12], 16)
    return {"sentMessages": [{"id": str(first + n)} for n, _ in enumerate(body["messages"])]}
