"""One clinic's channel, through LINE's own SDK: explicit timeouts, no hidden retries.

The SDK has no default timeout, repeats GETs by itself, raises for 409, and raises
urllib3's errors beside its own. All of that ends here: every call returns a Reply.
"""

import hashlib
import json
from urllib.parse import urlsplit

from linebot.v3.messaging import (
    ApiClient,
    Configuration,
    MessagingApi,
    MulticastRequest,
    PushMessageRequest,
)
from linebot.v3.messaging.exceptions import ApiException
from urllib3.exceptions import HTTPError

from dagster_project.line.replies import Kind, Quota, Reply

TIMEOUTS = (5, 20)  # seconds to connect, to read
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class AlteredBodyError(Exception):
    """The SDK would not send the frozen bytes; sending anything else is out of the question."""


class LineClient:
    """A channel. Any host but this machine's own needs `live=True`, said by the settings."""

    def __init__(
        self,
        base_url: str,
        access_token: str,
        *,
        live: bool = False,
        timeouts: tuple[float, float] = TIMEOUTS,
    ) -> None:
        if not live and urlsplit(base_url).hostname not in LOOPBACK:
            raise ValueError(f"{base_url} is not this machine: live sending is not declared")
        configuration = Configuration(host=base_url, access_token=access_token)
        configuration.retries = False
        self._client = ApiClient(configuration)
        self._api = MessagingApi(self._client)
        self._timeouts = timeouts

    def send(self, body: bytes, retry_key: str) -> Reply:
        """Send frozen bytes, as multicast or push by what they hold. Raises AlteredBodyError."""
        content = json.loads(body)
        is_push = isinstance(content["to"], str)
        model = PushMessageRequest if is_push else MulticastRequest
        request = model.from_dict(content)
        wire = json.dumps(self._client.sanitize_for_serialization(request)).encode()
        if wire != body:
            ours, theirs = (hashlib.sha256(each).hexdigest()[:8] for each in (body, wire))
            raise AlteredBodyError(f"frozen bytes {ours}, the SDK would send {theirs}")
        call = (
            self._api.push_message_with_http_info if is_push else self._api.multicast_with_http_info
        )
        try:
            answer = call(request, x_line_retry_key=retry_key, _request_timeout=self._timeouts)
        except ApiException as error:
            return self._refused(error)
        except (HTTPError, OSError) as error:
            return Reply(Kind.UNKNOWN, None, detail=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - an answer nobody can read is an unknown one
            return Reply(Kind.UNKNOWN, None, detail=type(error).__name__)
        headers = answer.headers or {}
        return Reply(Kind.ACCEPTED, answer.status_code, headers.get("x-line-request-id"))

    def quota(self) -> Quota:
        """Return this month's cap and consumption. Raises ConnectionError when LINE is silent."""
        try:
            cap = self._api.get_message_quota(_request_timeout=self._timeouts)
            used = self._api.get_message_quota_consumption(_request_timeout=self._timeouts)
        except (ApiException, HTTPError, OSError) as error:
            raise ConnectionError(f"quota unread: {type(error).__name__}") from error
        limit = int(cap.value) if str(cap.type.value) == "limited" else None
        return Quota(limit, int(used.total_usage))

    def aggregation_units(self) -> set[str]:
        """Return this month's unit names: a unit that is there was accepted by LINE."""
        names: set[str] = set()
        start: str | None = None
        while True:
            page = self._api.get_aggregation_unit_name_list(
                limit="100", start=start, _request_timeout=self._timeouts
            )
            names.update(page.custom_aggregation_units)
            start = page.next
            if not start:
                return names

    def _refused(self, error: ApiException) -> Reply:
        headers = error.headers or {}
        ids = (headers.get("x-line-request-id"), headers.get("x-line-accepted-request-id"))
        kind, detail = self._meaning(error.status or 0, str(error.body or ""))
        return Reply(kind, error.status, *ids, detail)

    def _meaning(self, status: int, body: str) -> tuple[Kind, str]:
        if status == 409:
            return Kind.ALREADY_ACCEPTED, ""
        if status == 401:
            return Kind.UNAUTHORIZED, "token expired or revoked"
        if status == 429:
            return self._why_429()
        if status in {403, 413}:
            return Kind.REJECTED, f"HTTP {status}"
        if status == 400:
            # LINE itself has answered a bare 400 in an outage; only a named property is final.
            named = _named_properties(body)
            return (Kind.REJECTED, ", ".join(named)) if named else (Kind.UNKNOWN, "bare 400")
        return Kind.UNKNOWN, f"HTTP {status}"

    def _why_429(self) -> tuple[Kind, str]:
        """Tell a full month from a full bucket by the quota: the message text is not a contract."""
        try:
            left = self.quota().left
        except ConnectionError:
            left = None
        if left == 0:
            return Kind.QUOTA_EXHAUSTED, "this month's quota is used up"
        return Kind.RATE_LIMITED, "rate limit"


def _named_properties(body: str) -> list[str]:
    try:
        details = json.loads(body).get("details", [])
        return [str(each["property"]) for each in details if each.get("property")]
    except (ValueError, AttributeError, TypeError):
        return []
