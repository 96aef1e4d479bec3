"""The channel a clinic's messages go to: the simulator, unless the environment says live."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

from dagster_project.clinic import Clinic
from dagster_project.line.credentials import access_token, simulator_token
from dagster_project.line.replies import Quota, Reply
from dagster_project.settings import LIVE_LINE_API, Settings

if TYPE_CHECKING:
    from dagster_project.line.client import LineClient


class NoSimulatorError(Exception):
    """The simulator is the target, and none is running."""


class LazyChannel:
    """A clinic's channel that loads LINE's SDK, which takes seconds, when first asked."""

    def __init__(self, base_url: str, access_token: str, *, live: bool) -> None:
        self._address = (base_url, access_token)
        self._live = live

    @cached_property
    def _client(self) -> "LineClient":
        from dagster_project.line.client import LineClient  # noqa: PLC0415 - the slow part

        return LineClient(*self._address, live=self._live)

    def send(self, body: bytes, retry_key: str) -> Reply:
        """Send frozen bytes under a retry key."""
        return self._client.send(body, retry_key)

    def basic_id(self) -> str:
        """Return the basic ID of the account whose token this is."""
        return self._client.basic_id()

    def quota(self) -> Quota:
        """Return this month's quota."""
        return self._client.quota()

    def aggregation_units(self) -> set[str]:
        """Return the unit names LINE has seen this month."""
        return self._client.aggregation_units()


def connect(settings: Settings, clinic: Clinic) -> LazyChannel:
    """Return the clinic's channel. Raises CredentialError or NoSimulatorError, never guesses."""
    if settings.line == "live":
        return LazyChannel(LIVE_LINE_API, access_token(clinic, os.environ), live=True)
    if settings.simulator_url is None:
        raise NoSimulatorError("set TAGLINE_SIMULATOR_URL, or start with `tagline ui`")
    return LazyChannel(settings.simulator_url, simulator_token(clinic), live=False)
