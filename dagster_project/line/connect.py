"""The channel a clinic's messages go to: the simulator, unless the environment says live."""

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING

from dagster_project.clinic import Clinic
from dagster_project.line.account import Account
from dagster_project.line.credentials import Credentials, credentials_of, simulator_credentials
from dagster_project.line.replies import Quota, Reply
from dagster_project.line.tokens import token_for_a_run
from dagster_project.settings import LIVE_LINE_API, Settings

if TYPE_CHECKING:
    from dagster_project.line.client import LineClient


class NoSimulatorError(Exception):
    """The simulator is the target, and none is running."""


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

    def aggregation_units(self) -> set[str]:
        """Return the unit names LINE has seen this month."""
        return self._client.aggregation_units()


def connect(settings: Settings, clinic: Clinic) -> LazyChannel:
    """Return the clinic's channel. Raises CredentialError or NoSimulatorError, never guesses."""
    return LazyChannel(account_of(settings, clinic))


def account_of(settings: Settings, clinic: Clinic) -> Account:
    """Return what can be asked of the clinic's channel; it cannot send. Raises as `connect`."""
    if settings.line == "live":
        return _account(LIVE_LINE_API, credentials_of(clinic, os.environ), live=True)
    if settings.simulator_url is None:
        raise NoSimulatorError("set TAGLINE_SIMULATOR_URL, or start with `tagline ui`")
    return _account(settings.simulator_url, simulator_credentials(clinic), live=False)


def _account(base_url: str, credentials: Credentials, *, live: bool) -> Account:
    return Account(base_url, partial(token_for_a_run, base_url, credentials, live=live), live)
