"""Stateless channel access tokens: issued for a channel's id and secret, good for 15 minutes."""

import secrets

from aiohttp import web

from dagster_project.simulator.answers import answer
from dagster_project.simulator.channel import STATELESS_TOKEN_LIFE
from dagster_project.simulator.state import State


async def issue(request: web.Request, state: State) -> web.StreamResponse:
    """POST /oauth2/v3/token; a channel's id here is its clinic's, its secret that of its webhooks.

    Errors are in the words of OAuth, as LINE's are.
    """
    form = {name: str(value) for name, value in (await request.post()).items()}
    if form.get("grant_type") != "client_credentials":
        return answer(400, {"error": "unsupported_grant_type"})
    clinic_id = form.get("client_id", "")
    secret = f"simulator-secret:{clinic_id}"
    if clinic_id not in state.channels or form.get("client_secret") != secret:
        return answer(400, {"error": "invalid_client"})
    issued = secrets.token_urlsafe(32)
    state.tokens[issued] = (clinic_id, state.now() + STATELESS_TOKEN_LIFE)
    life = int(STATELESS_TOKEN_LIFE.total_seconds())
    return answer(200, {"token_type": "Bearer", "access_token": issued, "expires_in": life})
