"""LINE's account link in the simulator: a token for a user, and the dialog that ends it."""

import secrets
from typing import Any

from aiohttp import web

from dagster_project.simulator.answers import answer, error
from dagster_project.simulator.channel import LINK_TOKEN_LIFE, Channel
from dagster_project.simulator.patient import deliver_event
from dagster_project.simulator.state import State


async def link_token(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/user/{user}/linkToken: good once, for ten minutes."""
    user = request.match_info["user"]
    if user not in channel.friends or user in channel.blocked:
        return error(404, "Not found")
    token = secrets.token_urlsafe(24)
    channel.link_tokens[token] = (user, state.now())
    return answer(200, {"linkToken": token})


async def dialog(request: web.Request, state: State) -> web.StreamResponse:
    """GET /dialog/bot/accountLink?linkToken=&nonce=: tells the webhook, and shows the chat."""
    token, nonce = request.query.get("linkToken", ""), request.query.get("nonce", "")
    channel = next((c for c in state.channels.values() if token in c.link_tokens), None)
    if channel is None or not 10 <= len(nonce) <= 255:
        return web.json_response({"message": "unknown link token or unusable nonce"}, status=400)
    user, at = channel.link_tokens.pop(token)
    if state.now() - at > LINK_TOKEN_LIFE:
        return web.json_response({"message": "the link token has expired"}, status=400)
    link: dict[str, Any] = {"link": {"result": "ok", "nonce": nonce}}
    delivered = await deliver_event(state, channel, user, "accountLink", "(アカウント連携)", link)
    raise web.HTTPSeeOther(f"/chat?clinic_id={channel.clinic_id}&user={user}&delivered={delivered}")
