"""What a channel may ask about itself: who it is, its quota, its unit names, its friends."""

from datetime import date

from aiohttp import web

from dagster_project.simulator.answers import answer, error
from dagster_project.simulator.channel import Channel, day, month
from dagster_project.simulator.state import State

COUNTING_SINCE = "20180331"


async def bot_info(_: web.Request, __: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/info."""
    return answer(
        200,
        {
            "userId": f"U{'0' * 32}",
            "basicId": channel.basic_id,
            "displayName": channel.clinic_id,
            "chatMode": "bot",
            "markAsReadMode": "auto",
        },
    )


async def quota(_: web.Request, __: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/message/quota."""
    if channel.monthly_limit is None:
        return answer(200, {"type": "none"})
    return answer(200, {"type": "limited", "value": channel.monthly_limit})


async def consumption(_: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/message/quota/consumption; approximate, as LINE says of it."""
    used = channel.used.get(month(state.now()), 0)
    return answer(200, {"totalUsage": max(0, used - channel.consumption_lag)})


async def multicast_count(
    request: web.Request, state: State, channel: Channel
) -> web.StreamResponse:
    """GET /v2/bot/message/delivery/multicast?date=; counted once the day is over."""
    asked = request.query.get("date", "")
    try:
        date.fromisoformat(asked)
    except ValueError:
        return error(400, "The value for the 'date' parameter is invalid")
    if asked < COUNTING_SINCE:
        return answer(200, {"status": "out_of_service"})
    if asked >= day(state.now()):
        return answer(200, {"status": "unready"})
    return answer(200, {"status": "ready", "success": channel.multicast_on.get(asked, 0)})


async def unit_count(_: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/message/aggregation/info."""
    names = channel.units.get(month(state.now()), [])
    return answer(200, {"numOfCustomAggregationUnits": len(names)})


async def unit_names(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/message/aggregation/list: this month's, 100 a page."""
    names = channel.units.get(month(state.now()), [])
    return answer(200, _page_of(request, names, "customAggregationUnits", 100))


async def followers(request: web.Request, _: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/followers/ids, for a verified account: at most 1,000 a page."""
    following = sorted(channel.friends - channel.blocked)
    return answer(200, _page_of(request, following, "userIds", 1000))


async def profile(request: web.Request, _: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/profile/{user}; 404 for whoever blocked or never was a friend."""
    user = request.match_info["user"]
    if user not in channel.friends or user in channel.blocked:
        return error(404, "Not found")
    return answer(200, {"userId": user, "displayName": user[:8], "language": "ja"})


def _page_of(request: web.Request, rows: list[str], name: str, largest: int) -> dict[str, object]:
    first = int(request.query.get("start") or 0)
    size = min(int(request.query.get("limit") or largest), largest)
    page: dict[str, object] = {name: rows[first : first + size]}
    return page | ({"next": str(first + size)} if first + size < len(rows) else {})
