"""LINE's message endpoints, as documented, with faults on script."""

import asyncio
import json
import re
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from dagster_project.simulator.state import Channel, State, month, sha256

Handler = Callable[[web.Request, State], Awaitable[web.StreamResponse]]
USER_ID = re.compile(r"U[0-9a-f]{32}")
UNIT = re.compile(r"[A-Za-z0-9_]{1,30}")
MAX_TO = 500
# Faults that happen before LINE takes the message, and those that happen after it did.
BEFORE = {"reset_before", "500_before", "502_html", "429_rate", "401_once", "400_bare"}
AFTER = {"accept_500", "accept_reset", "accept_fin", "accept_hang", "accept_truncated"}


async def push(request: web.Request, state: State) -> web.StreamResponse:
    """POST /v2/bot/message/push."""
    return await _send(request, state, is_push=True)


async def multicast(request: web.Request, state: State) -> web.StreamResponse:
    """POST /v2/bot/message/multicast."""
    return await _send(request, state, is_push=False)


async def _send(request: web.Request, state: State, *, is_push: bool) -> web.StreamResponse:
    raw = await request.read()
    request_id = str(uuid.uuid4())
    channel = _channel(request, state)
    if channel is None:
        return _answer(401, "Authentication failed.", request_id)
    key = request.headers.get("X-Line-Retry-Key")
    fault = channel.faults.pop(0) if channel.faults else ""
    channel.requests.append({"request_id": request_id, "retry_key": key, "fault": fault})
    if fault in BEFORE:
        return await _fail(request, fault, request_id)
    now = state.now()
    if key and (earlier := channel.earlier(key, now)):
        if channel.keys[key][2] != sha256(raw):
            channel.altered_retries += 1
        return _answer(
            409, "The retry key is already accepted", request_id, accepted_request_id=earlier
        )
    body = json.loads(raw)
    if problem := _problem(body, is_push=is_push):
        return _answer(400, "The request body has 1 error(s)", request_id, problem=problem)
    to = [body["to"]] if is_push else body["to"]
    left = channel.left(now)
    if fault == "429_quota" or (left is not None and len(to) > left):
        return _answer(429, "You have reached your monthly limit.", request_id)
    accepted = {
        "body": body,
        "retry_key": key,
        "request_id": request_id,
        "sha256": sha256(raw),
    }
    state.record(
        {
            "event": "accepted",
            "clinic_id": channel.clinic_id,
            "at": now.isoformat(),
            "request": accepted,
        }
    )
    if fault in AFTER:
        return await _fail(request, fault, request_id)
    sent = {"sentMessages": [{"id": str(n)} for n, _ in enumerate(body["messages"])]}
    return web.json_response(sent if is_push else {}, headers={"X-Line-Request-Id": request_id})


async def validate(request: web.Request, state: State) -> web.StreamResponse:
    """POST /v2/bot/message/validate/...: checks the messages, sends nothing, costs nothing."""
    request_id = str(uuid.uuid4())
    if _channel(request, state) is None:
        return _answer(401, "Authentication failed.", request_id)
    problem = _message_problem((await request.json()).get("messages"))
    if problem:
        return _answer(400, "The request body has 1 error(s)", request_id, problem=problem)
    return web.json_response({})


async def quota(request: web.Request, state: State) -> web.StreamResponse:
    """GET /v2/bot/message/quota."""
    channel = _channel(request, state)
    if channel is None:
        return _answer(401, "Authentication failed.", "-")
    if channel.monthly_limit is None:
        return web.json_response({"type": "none"})
    return web.json_response({"type": "limited", "value": channel.monthly_limit})


async def consumption(request: web.Request, state: State) -> web.StreamResponse:
    """GET /v2/bot/message/quota/consumption."""
    channel = _channel(request, state)
    if channel is None:
        return _answer(401, "Authentication failed.", "-")
    return web.json_response({"totalUsage": channel.used.get(month(state.now()), 0)})


async def unit_count(request: web.Request, state: State) -> web.StreamResponse:
    """GET /v2/bot/message/aggregation/info."""
    names = _units(request, state)
    return web.json_response({"numOfCustomAggregationUnits": len(names)})


async def unit_names(request: web.Request, state: State) -> web.StreamResponse:
    """GET /v2/bot/message/aggregation/list, 100 a page."""
    names = _units(request, state)
    first = int(request.query.get("start") or 0)
    size = int(request.query.get("limit") or 100)
    page = {"customAggregationUnits": names[first : first + size]}
    if first + size < len(names):
        page["next"] = str(first + size)  # type: ignore[assignment]
    return web.json_response(page)


def _units(request: web.Request, state: State) -> list[str]:
    channel = _channel(request, state)
    return channel.units.get(month(state.now()), []) if channel else []


def _channel(request: web.Request, state: State) -> Channel | None:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    kind, _, clinic_id = token.partition(":")
    return state.channels.get(clinic_id) if kind == "simulator" else None


def _problem(body: dict[str, Any], *, is_push: bool) -> str | None:
    """Return the first property LINE would refuse."""
    to = body.get("to")
    if is_push:
        to = [to]
    if not isinstance(to, list) or not 1 <= len(to) <= MAX_TO:
        return "to"
    for position, user in enumerate(to):
        if not isinstance(user, str) or not USER_ID.fullmatch(user):
            return "to" if is_push else f"to[{position}]"
    units = body.get("customAggregationUnits", [])
    if len(units) > 1 or not all(UNIT.fullmatch(unit) for unit in units):
        return "customAggregationUnits"
    return _message_problem(body.get("messages"))


def _message_problem(messages: object) -> str | None:
    if not isinstance(messages, list) or not 1 <= len(messages) <= 5:
        return "messages"
    for position, message in enumerate(messages):
        kind = message.get("type")
        if kind == "text" and 0 < len(message.get("text", "").encode("utf-16-le")) // 2 <= 5000:
            continue
        if kind == "flex" and 0 < len(message.get("altText", "")) <= 1500:
            continue
        return f"messages[{position}]"
    return None


async def _fail(request: web.Request, fault: str, request_id: str) -> web.StreamResponse:
    if fault in {"500_before", "accept_500"}:
        return _answer(500, "Internal server error", request_id)
    if fault == "502_html":
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
    if fault == "429_rate":
        return _answer(429, "The API rate limit has been exceeded. Try again later.", request_id)
    if fault == "401_once":
        return _answer(401, "Authentication failed.", request_id)
    if fault == "400_bare":
        return web.json_response({"message": "Bad request"}, status=400)
    if fault == "accept_hang":
        await asyncio.sleep(60)
    transport = request.transport
    if transport is not None:
        if fault.endswith("reset") or fault == "reset_before":
            # No lingering: the peer sees a reset, not an orderly end.
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault == "accept_truncated":
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{")
        transport.abort() if fault != "accept_truncated" else transport.close()
    return web.Response(status=500)


def _answer(
    status: int,
    message: str,
    request_id: str,
    *,
    accepted_request_id: str | None = None,
    problem: str | None = None,
) -> web.Response:
    headers = {"X-Line-Request-Id": request_id}
    if accepted_request_id:
        headers["X-Line-Accepted-Request-Id"] = accepted_request_id
    body: dict[str, Any] = {"message": message}
    if problem:
        body["details"] = [{"message": "invalid", "property": problem}]
    return web.json_response(body, status=status, headers=headers)
