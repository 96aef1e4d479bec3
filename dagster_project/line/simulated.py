"""What the simulator is told and LINE would know by itself: accounts, friends, webhooks."""

import json
from collections.abc import Sequence
from urllib.request import ProxyHandler, Request, build_opener

from dagster_project.clinic import Clinic
from dagster_project.line.loopback import require_loopback


def introduce(
    base_url: str, clinic: Clinic, following: Sequence[str], blocked: Sequence[str]
) -> None:
    """Tell the simulator of a clinic's channel and its friends, as LINE would know them.

    Raises ValueError when the simulator is said to be on another machine.
    """
    require_loopback(base_url)
    who: dict[str, object] = {"clinic_id": clinic.clinic_id}
    account = {"channel": clinic.line.channel, "monthly_limit": clinic.line.monthly_limit}
    _post(f"{base_url}/_simulator/channels", {**who, **account})
    friends: dict[str, object] = {**who, "following": list(following), "blocked": list(blocked)}
    _post(f"{base_url}/_simulator/friends", friends)


def register_webhook(base_url: str, clinic: Clinic, url: str) -> None:
    """Tell the simulator where a clinic's events go, as LINE's console would be told.

    Raises OSError when no simulator listens.
    """
    require_loopback(base_url)
    account = {"channel": clinic.line.channel, "webhook": url}
    _post(f"{base_url}/_simulator/channels", {"clinic_id": clinic.clinic_id, **account})


def _post(url: str, body: dict[str, object]) -> None:
    data = json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    # A proxy the environment names is for the world outside, not for this machine.
    with build_opener(ProxyHandler({})).open(request, timeout=10):
        pass
