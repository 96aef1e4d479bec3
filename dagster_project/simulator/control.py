"""The control API: what a test or a demonstration sets, and what it may look at."""

from datetime import datetime

from aiohttp import web

from dagster_project.simulator.state import State


async def channels(request: web.Request, state: State) -> web.StreamResponse:
    """POST {clinic_id, monthly_limit, used?}: open a channel or change its quota."""
    body = await request.json()
    event = {"event": "channel", "at": state.now().isoformat(), "monthly_limit": None, **body}
    state.record(event)
    return web.json_response({})


async def friends(request: web.Request, state: State) -> web.StreamResponse:
    """POST {clinic_id, following: [...], blocked: [...]}."""
    state.record({"event": "friends", **await request.json()})
    return web.json_response({})


async def faults(request: web.Request, state: State) -> web.StreamResponse:
    """POST {clinic_id, script: [...]}: one fault a message request, in order; "" is none."""
    body = await request.json()
    state.channel(body["clinic_id"]).faults = list(body["script"])
    return web.json_response({})


async def clock(request: web.Request, state: State) -> web.StreamResponse:
    """POST {now}: set the simulator's clock."""
    state.set_now(datetime.fromisoformat((await request.json())["now"]))
    return web.json_response({})


async def inbox(request: web.Request, state: State) -> web.StreamResponse:
    """GET ?clinic_id=&user=: every copy that reached somebody."""
    copies = state.channel(request.query["clinic_id"]).inbox
    user = request.query.get("user")
    return web.json_response([copy for copy in copies if user in {None, copy["user"]}])


async def requests(request: web.Request, state: State) -> web.StreamResponse:
    """GET ?clinic_id=: every message request that arrived, and the fault it met."""
    channel = state.channel(request.query["clinic_id"])
    return web.json_response(
        {"requests": channel.requests, "altered_retries": channel.altered_retries}
    )
