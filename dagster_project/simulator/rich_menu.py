"""LINE's rich menus in the simulator: made, given an image, shown to everyone."""

import struct
from typing import Any

from aiohttp import web

from dagster_project.simulator.answers import NOT_JSON, answer, error
from dagster_project.simulator.channel import Channel
from dagster_project.simulator.state import State

MAX_MENUS = 1000
MAX_IMAGE = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"
FIELDS = {"size", "selected", "name", "chatBarText", "areas"}


async def listed(_: web.Request, __: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/richmenu/list."""
    menus = [_shown(menu_id, each) for menu_id, each in channel.rich_menus.items()]
    return answer(200, {"richmenus": menus})


async def create(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/richmenu."""
    try:
        menu = await request.json()
    except ValueError:
        return error(400, NOT_JSON)
    if not isinstance(menu, dict) or menu.keys() < FIELDS or len(channel.rich_menus) >= MAX_MENUS:
        return error(400, "The request body has 1 error(s)")
    number = sum(state.calls.values())
    menu_id = f"richmenu-{number:032x}"
    _record(state, channel, {"event": "menu", "id": menu_id, "menu": menu})
    return answer(200, {"richMenuId": menu_id})


async def content(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/richmenu/{menu}/content: a PNG of the menu's size, once."""
    menu_id = request.match_info["menu"]
    menu = channel.rich_menus.get(menu_id)
    if menu is None:
        return error(404, "Not found")
    image = await request.read()
    size = struct.unpack(">II", image[16:24]) if image.startswith(PNG) else None
    wanted = (menu["size"]["width"], menu["size"]["height"])
    if size != wanted or len(image) > MAX_IMAGE or menu.get("has_image"):
        return error(400, "The image cannot be used")
    _record(state, channel, {"event": "menu", "id": menu_id, "menu": {**menu, "has_image": True}})
    return answer(200, {})


async def delete(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """DELETE /v2/bot/richmenu/{menu}."""
    menu_id = request.match_info["menu"]
    if menu_id not in channel.rich_menus:
        return error(404, "Not found")
    _record(state, channel, {"event": "menu", "id": menu_id, "menu": None})
    return answer(200, {})


async def default(_: web.Request, __: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/user/all/richmenu."""
    if channel.default_menu is None:
        return error(404, "no default richmenu")
    return answer(200, {"richMenuId": channel.default_menu})


async def set_default(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """POST /v2/bot/user/all/richmenu/{menu}: a menu without an image cannot be shown."""
    menu_id = request.match_info["menu"]
    if not channel.rich_menus.get(menu_id, {}).get("has_image"):
        return error(400, "must upload richmenu image before applying it to user")
    _record(state, channel, {"event": "default_menu", "id": menu_id})
    return answer(200, {})


def _shown(menu_id: str, menu: dict[str, Any]) -> dict[str, Any]:
    return {"richMenuId": menu_id, **{name: menu[name] for name in menu if name in FIELDS}}


def _record(state: State, channel: Channel, event: dict[str, Any]) -> None:
    state.record({"clinic_id": channel.clinic_id, **event})
