"""What a channel says of itself, and of a text before it is sent; nothing here can send.

Plain HTTP: LINE's SDK takes seconds to load, and a night that only asks for the quota would pay
them. Errors name the endpoint and the status, never a token.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message as Headers
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request

from dagster_project.line.http import opener
from dagster_project.line.loopback import require_loopback
from dagster_project.line.meaning import named_properties
from dagster_project.line.messages import Message
from dagster_project.line.replies import NothingThereError, Quota, Webhook

TIMEOUT = 20  # seconds
MAX_UNITS = 1000  # names a month; later ones are sent without being counted


class RefusedTextError(Exception):
    """LINE would not take a message; the text is the properties it names, never their values."""


@dataclass
class Account:
    """One clinic's channel, as far as it can be asked. Any other host needs `live=True`."""

    base_url: str
    # Called once, when the token is first needed: it may have to be issued.
    issue: Callable[[], str] = field(repr=False)
    live: bool = False
    timeout: float = TIMEOUT
    # LINE's own clock at its last answer; a simulator may pretend any hour, so it has none.
    clock: datetime | None = field(default=None, init=False)

    @cached_property
    def token(self) -> str:
        """Return the channel access token of this run."""
        return self.issue()

    def basic_id(self) -> str:
        """Return the basic ID of the account whose token this is.

        Raises PermissionError when LINE refuses the token, ConnectionError when it is silent.
        """
        info = self._get("account", "/v2/bot/info")
        if "basicId" not in info:
            raise ConnectionError("account unread: no basicId")
        return str(info["basicId"])

    def quota(self) -> Quota:
        """Return this month's cap and consumption. Raises ConnectionError when unreadable."""
        try:
            cap = self._get("quota", "/v2/bot/message/quota")
            used = self._get("quota", "/v2/bot/message/quota/consumption")
            limit = int(cap["value"]) if cap["type"] == "limited" else None
            return Quota(limit, int(used["totalUsage"]))
        except PermissionError as error:
            raise ConnectionError(str(error)) from None
        except (KeyError, TypeError, ValueError) as error:
            raise ConnectionError(f"quota unread: {type(error).__name__}") from None

    def webhook(self) -> Webhook:
        """Return whether LINE sends events on, and what it met when it tried just now.

        Raises ConnectionError or PermissionError when LINE does not say.
        """
        try:
            told = self._get("webhook", "/v2/bot/channel/webhook/endpoint")
        except NothingThereError:
            return Webhook(is_active=False, is_reached=False, detail="not set")
        tried = self._post("webhook test", "/v2/bot/channel/webhook/test", {})
        if "active" not in told or "success" not in tried:
            raise ConnectionError("webhook unread: not said")
        detail = f"{tried.get('reason', '')} {tried.get('statusCode', '')}".strip()
        return Webhook(bool(told["active"]), bool(tried["success"]), detail)

    def units_left(self) -> int:
        """Return how many new unit names this month has left.

        Raises ConnectionError or PermissionError when LINE does not say.
        """
        info = self._get("units", "/v2/bot/message/aggregation/info")
        used = info.get("numOfCustomAggregationUnits")
        if not isinstance(used, int):
            raise ConnectionError("units unread: not said")
        return MAX_UNITS - used

    def unit_names(self) -> set[str]:
        """Return this month's unit names. Raises as `units_left`."""
        names: set[str] = set()
        path = "/v2/bot/message/aggregation/list?limit=100"
        start = ""
        while True:
            page = self._get("units", f"{path}&start={quote(start)}" if start else path)
            try:
                names.update(map(str, page["customAggregationUnits"]))
            except (KeyError, TypeError) as error:
                raise ConnectionError(f"units unread: {type(error).__name__}") from None
            start = str(page.get("next") or "")
            if not start:
                return names

    def refusal_of(self, messages: Sequence[Message]) -> str | None:
        """Return what LINE would refuse in a message, None where it would take it; sends nothing.

        Raises ConnectionError or PermissionError when LINE does not say.
        """
        path = "/v2/bot/message/validate/multicast"
        try:
            self._post("validation", path, {"messages": list(messages)})
        except RefusedTextError as error:
            return str(error)
        return None

    def _get(self, what: str, path: str) -> Mapping[str, Any]:
        return self._call(what, Request(f"{self.base_url}{path}"))  # noqa: S310 - by settings

    def _post(self, what: str, path: str, body: object) -> Mapping[str, Any]:
        headers = {"Content-Type": "application/json"}
        url = f"{self.base_url}{path}"
        return self._call(what, Request(url, json.dumps(body).encode(), headers))  # noqa: S310

    def _call(self, what: str, request: Request) -> Mapping[str, Any]:
        if not self.live:
            require_loopback(self.base_url)
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with opener(live=self.live).open(request, timeout=self.timeout) as answer:
                self.clock = _date_of(answer.headers) if self.live else None
                said = json.load(answer)
            return dict(said)
        except HTTPError as error:
            raise _meaning(what, error) from None
        except Exception as error:  # noqa: BLE001 - whatever went wrong on the way, nobody answered
            raise ConnectionError(f"{what} unread: {type(error).__name__}") from None


def _date_of(headers: Headers) -> datetime | None:
    try:
        said = parsedate_to_datetime(str(headers["Date"]))
    except ValueError:
        return None
    return said.astimezone(UTC) if said.tzinfo else None


def _meaning(what: str, error: HTTPError) -> Exception:
    if error.code == 404:
        return NothingThereError(f"{what} unread: HTTP 404")
    if error.code == 400 and what == "validation":
        named = named_properties(error.read().decode("utf-8", "replace"), is_push=False)
        if named:
            return RefusedTextError(", ".join(named))
    kind = PermissionError if error.code in {401, 403} else ConnectionError
    return kind(f"{what} unread: HTTP {error.code}")
