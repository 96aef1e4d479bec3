"""The control API: what a test or a demonstration sets, and what it may look at."""

from datetime import datetime

from aiohttp import web

from dagster_project.simulator.behaviour import Behaviour
from dagster_project.simulator.channel import SETTABLE
from dagster_project.simulator.faults import is_known
from dagster_project.simulator.state import State


async def channels(request: web.Request, state: State) -> web.StreamResponse:
    """POST {clinic_id, and any of the names in SETTABLE, or used}.

    Opens a channel, or changes what is given of it; `channel` is its basic ID, `behaviour` what
    its users do with whatever they get from now on.
    """
    body = await request.json()
    try:
        Behaviour(**body.get("behaviour", {}))
    except (TypeError, ValueError) as error:
        return web.json_response({"message": str(error)}, status=400)
    known = state.channel(body["clinic_id"])
    is_news = any(
        getattr(known, attribute) != body[name]
        for name, attribute in SETTABLE.items()
        if name in body
    )
    if is_news or "used" in body:
        state.record({"event": "channel", "at": state.now().isoformat(), **body})
    return web.json_response({})


async def friends(request: web.Request, state: State) -> web.StreamResponse:
    """POST {clinic_id, following: [...], blocked: [...]}; only what is new is kept."""
    body = await request.json()
    known = state.channel(body["clinic_id"])
    # Who followed or blocked here, by hand, knows best.
    moves = {"follow", "unfollow"}
    decided = {each["user"] for each in known.talk if each["type"] in moves}
    following = set(body.get("following", [])) - (known.friends - known.blocked) - decided
    blocked = set(body.get("blocked", [])) - known.blocked - decided
    if following or blocked:
        who = {"following": sorted(following), "blocked": sorted(blocked)}
        state.record({"event": "friends", "clinic_id": known.clinic_id, **who})
    return web.json_response({})


async def faults(request: web.Request, state: State) -> web.StreamResponse:
    """POST {clinic_id, script: [...], of?}: one fault a request, in order; "" is none.

    A request is of `messages`, or of `insight`.
    """
    body = await request.json()
    script = list(body["script"])
    if unknown := [each for each in script if not is_known(each)]:
        return web.json_response({"message": f"no such fault: {unknown}"}, status=400)
    channel = state.channel(body["clinic_id"])
    if body.get("of") == "insight":
        channel.insight_faults = script
    else:
        channel.faults = script
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
