"""The channel a clinic's messages go to: the simulator, unless the environment says live."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from dagster_project.clinic import Clinic
from dagster_project.line.account import Account
from dagster_project.line.messages import Message
from dagster_project.line.reach import account_of
from dagster_project.line.replies import Quota, Reply
from dagster_project.settings import Settings

if TYPE_CHECKING:
    from dagster_project.line.client import LineClient


class LazyChannel:
    """A clinic's channel that loads LINE's SDK, which takes seconds, when it first sends."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @cached_property
    def _client(self) -> "LineClient":
        from dagster_project.line.client import LineClient  # noqa: PLC0415 - the slow part

        return LineClient(self._account.base_url, self._account.token, live=self._account.live)

    def send(self, body: bytes, retry_key: str) -> Reply:
        """Send frozen bytes under a retry key."""
        return self._client.send(body, retry_key)

    def basic_id(self) -> str:
        """Return the basic ID of the account whose token this is."""
        return self._account.basic_id()

    def quota(self) -> Quota:
        """Return this month's quota."""
        return self._account.quota()

    def clock(self) -> datetime | None:
        """Return LINE's own clock at its last answer, None where it did not say."""
        return self._account.clock

    def units_left(self) -> int:
        """Return how many new unit names this month has left."""
        return self._account.units_left()

    def refusal_of(self, messages: Sequence[Message]) -> str | None:
        """Return what LINE would refuse in a message, None where it would take it."""
        return self._account.refusal_of(messages)

    def aggregation_units(self) -> set[str]:
        """Return the unit names LINE has seen this month."""
        return self._client.aggregation_units()


def connect(settings: Settings, clinic: Clinic) -> LazyChannel:
    """Return the clinic's channel. Raises as `account_of`."""
    return LazyChannel(account_of(settings, clinic))
