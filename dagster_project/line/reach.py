"""What a clinic's channel can be asked without sending: the simulator's, unless told it is live."""

import os
from collections.abc import Sequence
from functools import partial

from dagster_project.clinic import Clinic
from dagster_project.line.account import Account
from dagster_project.line.credentials import Credentials, credentials_of, simulator_credentials
from dagster_project.line.simulated import introduce
from dagster_project.line.tokens import token_for_a_run
from dagster_project.settings import LIVE_LINE_API, Settings


class NoSimulatorError(Exception):
    """The simulator is the target, and none is running."""


def account_of(settings: Settings, clinic: Clinic) -> Account:
    """Return what can be asked of the clinic's channel; it cannot send.

    Raises CredentialError or NoSimulatorError, never guesses.
    """
    if settings.line == "live":
        return _account(LIVE_LINE_API, credentials_of(clinic, os.environ), live=True)
    if settings.simulator_url is None:
        raise NoSimulatorError("set TAGLINE_SIMULATOR_URL, or start with `tagline ui`")
    return _account(settings.simulator_url, simulator_credentials(clinic), live=False)


def introduced(settings: Settings, clinic: Clinic, following: Sequence[str] = ()) -> Account:
    """Return `account_of`, of a channel that the simulator was told of, as LINE knows of its own.

    `following` are friends that it is told of, too.

    Raises as `account_of`, and OSError when no simulator listens.
    """
    if settings.line == "simulator" and settings.simulator_url:
        introduce(settings.simulator_url, clinic, following, [])
    return account_of(settings, clinic)


def _account(base_url: str, credentials: Credentials, *, live: bool) -> Account:
    return Account(base_url, partial(token_for_a_run, base_url, credentials, live=live), live)
