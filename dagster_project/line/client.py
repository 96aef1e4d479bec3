"""One clinic's channel, through LINE's own SDK: explicit timeouts, no hidden retries.

The SDK has no default timeout, repeats GETs by itself, raises for 409, and raises
urllib3's errors beside its own. All of that ends here: every call returns a Reply.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from linebot.v3.messaging import (
    ApiClient,
    Configuration,
    MessagingApi,
    MulticastRequest,
    PushMessageRequest,
)
from linebot.v3.messaging.exceptions import ApiException

from dagster_project.line.account import Account
from dagster_project.line.loopback import require_loopback
from dagster_project.line.meaning import meaning
from dagster_project.line.messages import Message
from dagster_project.line.replies import Kind, Quota, Reply

TIMEOUTS = (5, 20)  # seconds to connect, to read


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
        if not live:
            require_loopback(base_url)
        # What is asked beside a send needs no SDK, and is asked one way.
        self._account = Account(base_url, partial(str, access_token), live, timeouts[1])
        configuration = Configuration(host=base_url, access_token=access_token)
        configuration.retries = False
        self._client = ApiClient(configuration)
        self._api = MessagingApi(self._client)
        self._timeouts = timeouts

    def send(self, body: bytes, retry_key: str) -> Reply:
        """Send frozen bytes, as multicast or push by what they hold.

        Raises AlteredBodyError, or any other error, only before anything has left.
        """
        request = self._request(body)
        call = (
            self._api.push_message_with_http_info
            if isinstance(request, PushMessageRequest)
            else self._api.multicast_with_http_info
        )
        try:
            answer = call(request, x_line_retry_key=retry_key, _request_timeout=self._timeouts)
        except ApiException as error:
            return self._refused(error, request)
        except Exception as error:  # noqa: BLE001 - whatever went wrong on the way, it may be there
            return Reply(Kind.UNKNOWN, None, detail=type(error).__name__)
        request_id = (answer.headers or {}).get("x-line-request-id")
        if not request_id:
            # Every answer of LINE has one: this is a page of some proxy on the way.
            return Reply(Kind.UNKNOWN, answer.status_code, detail="an answer, but not LINE's")
        return Reply(Kind.ACCEPTED, answer.status_code, request_id)

    def basic_id(self) -> str:
        """Return the basic ID of the account whose token this is.

        Raises PermissionError when LINE refuses the token, ConnectionError when it is silent.
        """
        return self._account.basic_id()

    def quota(self) -> Quota:
        """Return this month's cap and consumption. Raises ConnectionError when LINE is silent."""
        return self._account.quota()

    def clock(self) -> datetime | None:
        """Return LINE's own clock at its last answer, None where it did not say."""
        return self._account.clock

    def units_left(self) -> int:
        """Return how many new unit names this month has left. Raises as `Account.units_left`."""
        return self._account.units_left()

    def refusal_of(self, messages: Sequence[Message]) -> str | None:
        """Return what LINE would refuse in a message. Raises as `Account.refusal_of`."""
        return self._account.refusal_of(messages)

    def aggregation_units(self) -> set[str]:
        """Return this month's unit names: a unit that is there was accepted by LINE."""
        return self._account.unit_names()

    def _request(self, body: bytes) -> MulticastRequest | PushMessageRequest:
        """Return the SDK's form of frozen bytes, which puts those very bytes on the wire.

        By itself the SDK would order the keys its own way and drop those it does not know.
        """
        content = json.loads(body)
        model = PushMessageRequest if isinstance(content["to"], str) else MulticastRequest
        verbatim = type("Verbatim", (model,), {"to_dict": lambda _: content})
        request = verbatim(**dict(model.from_dict(content)))
        wire = json.dumps(self._client.sanitize_for_serialization(request)).encode()
        if wire != body:
            ours, theirs = (hashlib.sha256(each).hexdigest()[:8] for each in (body, wire))
            raise AlteredBodyError(f"frozen bytes {ours}, the SDK would send {theirs}")
        return request

    def _refused(
        self, error: ApiException, request: MulticastRequest | PushMessageRequest
    ) -> Reply:
        is_push = isinstance(request, PushMessageRequest)
        headers = error.headers or {}
        ids = (headers.get("x-line-request-id"), headers.get("x-line-accepted-request-id"))
        if error.status == 409 and ids[1]:
            return Reply(Kind.ALREADY_ACCEPTED, 409, *ids)
        if error.status == 429:
            kind, detail = self._why_429(1 if is_push else len(request.to))
            return Reply(kind, 429, *ids, detail)
        kind, detail = meaning(error.status or 0, str(error.body or ""), is_push=is_push)
        return Reply(kind, error.status, *ids, detail)

    def _why_429(self, people: int) -> tuple[Kind, str]:
        """Tell a full month from a full bucket by the quota: the message text is not a contract."""
        try:
            left = self.quota().left
        except ConnectionError:
            left = None
        if left is not None and left < people:
            return Kind.QUOTA_EXHAUSTED, "this month's quota is used up"
        return Kind.RATE_LIMITED, "rate limit"
