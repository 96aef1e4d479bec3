"""LINE's answers: who is asking, and errors in the words of the Messaging API reference."""

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from dagster_project.simulator.channel import Channel
from dagster_project.simulator.state import State

Handler = Callable[[web.Request, State], Awaitable[web.StreamResponse]]
ChannelHandler = Callable[[web.Request, State, Channel], Awaitable[web.StreamResponse]]
Body = dict[str, Any]

RETRY_KEY = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RATE_LIMIT = "The API rate limit has been exceeded. Try again later."
MONTHLY_LIMIT = "You have reached your monthly limit."
UNAUTHORIZED = "Authentication failed due to the following reason: invalid token."
NOT_JSON = "The request body could not be parsed as JSON (line: 1, column: 1)"
FORBIDDEN = "Access to this API is not available for your account"


def for_channel(handler: ChannelHandler, *, takes_retry_key: bool = False) -> Handler:
    """Return a handler that knows whose token it was; any other token is a 401."""

    async def handle(request: web.Request, state: State) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        channel = _channel_of(token, state)
        if channel is None:
            return error(401, UNAUTHORIZED)
        key = request.headers.get("X-Line-Retry-Key")
        if key is not None and not (takes_retry_key and RETRY_KEY.fullmatch(key)):
            return error(400, "Invalid retry key")
        return await handler(request, state, channel)

    return handle


def _channel_of(token: str, state: State) -> Channel | None:
    """Return whose token this is: a long-lived one by its name, an issued one until it ends."""
    kind, _, clinic_id = token.partition(":")
    if kind != "simulator":
        clinic_id, until = state.tokens.get(token, ("", state.now()))
        if until <= state.now():
            return None
    return state.channels.get(clinic_id)


def new_request_id() -> str:
    """Return the id LINE gives every request, a retry's too."""
    return str(uuid.uuid4())


def answer(
    status: int, body: Body, request_id: str | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON answer with a request id, as every answer of LINE has one."""
    ids = {"X-Line-Request-Id": request_id or new_request_id()}
    return web.json_response(body, status=status, headers=ids | dict(headers or {}))


def error(status: int, message: str, request_id: str | None = None) -> web.Response:
    """Return an error that says what, but names no property."""
    return answer(status, {"message": message}, request_id)


def invalid(name: str) -> Body:
    """Return LINE's error for an unusable property; the name is in the text, there are no details.

    This is the documented answer to a user id that cannot be written to.
    """
    return {"message": f"The property, {name}, in the request body is invalid (line: -, column: -)"}


def one_error(name: str, message: str) -> Body:
    """Return LINE's error for a property that breaks a rule."""
    details = [{"message": message, "property": name}]
    return {"message": "The request body has 1 error(s)", "details": details}
