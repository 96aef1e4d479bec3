"""Where a channel's events go, and LINE's own test of it."""

from aiohttp import web

from dagster_project.simulator.answers import answer, error
from dagster_project.simulator.channel import Channel
from dagster_project.simulator.patient import call_webhook
from dagster_project.simulator.state import State


async def endpoint(_: web.Request, __: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/channel/webhook/endpoint; 404 where none was ever set."""
    if channel.webhook is None:
        return error(404, "Not found")
    return answer(200, {"endpoint": channel.webhook, "active": channel.is_webhook_used})


async def test(_: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/channel/webhook/test: sends a webhook without events, and says what came."""
    status = await call_webhook(channel)
    is_http = status.isdigit()
    told = {
        "success": status == "200",
        "timestamp": state.now().isoformat(),
        "statusCode": int(status) if is_http else 0,
        "reason": "OK" if status == "200" else ("ERROR_STATUS_CODE" if is_http else "UNCLASSIFIED"),
        "detail": status,
    }
    return answer(200, told)
