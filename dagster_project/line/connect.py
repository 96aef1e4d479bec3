"""The channel a clinic's messages go to: the simulator, unless the environment says live."""

import json
import os
from collections.abc import Sequence
from urllib.request import Request, urlopen

from dagster_project.clinic import Clinic
from dagster_project.line.client import LineClient
from dagster_project.line.credentials import access_token, simulator_token
from dagster_project.settings import LIVE_LINE_API, Settings


class NoSimulatorError(Exception):
    """The simulator is the target, and none is running."""


def connect(settings: Settings, clinic: Clinic) -> LineClient:
    """Return the clinic's channel. Raises CredentialError or NoSimulatorError, never guesses."""
    if settings.line == "live":
        return LineClient(LIVE_LINE_API, access_token(clinic, os.environ), live=True)
    if settings.simulator_url is None:
        raise NoSimulatorError("set TAGLINE_SIMULATOR_URL, or start with `tagline ui`")
    return LineClient(settings.simulator_url, simulator_token(clinic))


def introduce(
    base_url: str, clinic: Clinic, following: Sequence[str], blocked: Sequence[str]
) -> None:
    """Tell the simulator of a clinic's channel and its friends, as LINE would know them."""
    who: dict[str, object] = {"clinic_id": clinic.clinic_id}
    limit = clinic.line.monthly_limit
    _post(f"{base_url}/_simulator/channels", {**who, "monthly_limit": limit})
    friends: dict[str, object] = {**who, "following": list(following), "blocked": list(blocked)}
    _post(f"{base_url}/_simulator/friends", friends)


def _post(url: str, body: dict[str, object]) -> None:
    data = json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urlopen(request, timeout=10):  # noqa: S310
        pass
