"""The rich menu everyone sees under the chat: four taps, set once and left alone.

A menu is known again by its name, which changes with its content.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from linebot.v3.messaging import (
    ApiClient,
    Configuration,
    MessagingApi,
    MessagingApiBlob,
    RichMenuRequest,
)
from linebot.v3.messaging.exceptions import ApiException

from dagster_project.clinic import Clinic
from dagster_project.line.client import TIMEOUTS
from dagster_project.line.credentials import access_token, simulator_token
from dagster_project.line.loopback import require_loopback
from dagster_project.line.reach import NoSimulatorError
from dagster_project.settings import LIVE_LINE_API, LIVE_LINE_DATA_API, Settings

WIDTH, HEIGHT = 2500, 843
TAPS = ("予約", "問診", "配信設定", "連絡先")  # as the image shows them, from the left
IMAGE = Path(__file__).with_suffix(".png")
PREFIX = "tagline-"


def set_menu(menus: "LineMenus") -> bool:
    """Let everyone see our menu; return whether anything had to be done.

    What an earlier try left half made, and earlier menus of ours, are deleted; menus that
    others made stay. Raises ApiException when LINE refuses.
    """
    menu, image = content(), IMAGE.read_bytes()
    there, shown = menus.list(), menus.default()
    if shown is not None and there.get(shown) == menu["name"]:
        return False
    menus.show(menus.create(menu, image))
    for menu_id, name in there.items():
        if name.startswith(PREFIX):
            menus.delete(menu_id)
    return True


def content() -> dict[str, Any]:
    """Return the menu as LINE takes it. Each tap says its word in the chat."""
    width = WIDTH // len(TAPS)
    menu: dict[str, Any] = {
        "size": {"width": WIDTH, "height": HEIGHT},
        "selected": True,
        "chatBarText": "メニュー",
        "areas": [
            {
                "bounds": {"x": number * width, "y": 0, "width": width, "height": HEIGHT},
                "action": {"type": "message", "label": word, "text": word},
            }
            for number, word in enumerate(TAPS)
        ],
    }
    said = json.dumps(menu, sort_keys=True).encode() + IMAGE.read_bytes()
    return {**menu, "name": f"{PREFIX}{hashlib.sha256(said).hexdigest()[:12]}"}


class LineMenus:
    """A channel's menus, through LINE's SDK. Any host but this machine's own needs `live`."""

    def __init__(self, base_url: str, data_url: str, token: str, *, live: bool) -> None:
        if not live:
            require_loopback(base_url)
            require_loopback(data_url)
        clients = []
        for host in (base_url, data_url):
            configuration = Configuration(host=host, access_token=token)
            configuration.retries = False
            clients.append(ApiClient(configuration))
        self._api, self._blob = MessagingApi(clients[0]), MessagingApiBlob(clients[1])

    def list(self) -> dict[str, str]:
        """Return the ids of the menus there are, with their names."""
        found = self._api.get_rich_menu_list(_request_timeout=TIMEOUTS)
        return {each.rich_menu_id: each.name for each in found.richmenus}

    def default(self) -> str | None:
        """Return the id of the menu everyone sees, None where there is none."""
        try:
            return str(self._api.get_default_rich_menu_id(_request_timeout=TIMEOUTS).rich_menu_id)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def create(self, menu: dict[str, Any], image: bytes) -> str:
        """Make a menu with its image and return its id."""
        request = RichMenuRequest.from_dict(menu)
        menu_id = str(self._api.create_rich_menu(request, _request_timeout=TIMEOUTS).rich_menu_id)
        self._blob.set_rich_menu_image(
            menu_id,
            body=bytearray(image),
            _headers={"Content-Type": "image/png"},
            _request_timeout=TIMEOUTS,
        )
        return menu_id

    def show(self, menu_id: str) -> None:
        """Let everyone see a menu."""
        self._api.set_default_rich_menu(menu_id, _request_timeout=TIMEOUTS)

    def delete(self, menu_id: str) -> None:
        """Delete a menu."""
        self._api.delete_rich_menu(menu_id, _request_timeout=TIMEOUTS)


def menus_of(settings: Settings, clinic: Clinic) -> LineMenus:
    """Return the clinic's menus. Raises CredentialError or NoSimulatorError, never guesses."""
    if settings.line == "live":
        token = access_token(clinic, os.environ)
        return LineMenus(LIVE_LINE_API, LIVE_LINE_DATA_API, token, live=True)
    if settings.simulator_url is None:
        raise NoSimulatorError("set TAGLINE_SIMULATOR_URL, or start with `tagline ui`")
    token = simulator_token(clinic)
    return LineMenus(settings.simulator_url, settings.simulator_url, token, live=False)
