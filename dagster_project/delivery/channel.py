"""What sending needs of a LINE channel, and the proof that it is the clinic's own."""

from typing import Protocol

from dagster_project.clinic import Clinic
from dagster_project.line.replies import Quota, Reply


class WrongChannelError(Exception):
    """The token is another account's: whatever were sent would come from a stranger."""


class Named(Protocol):
    """A channel as far as it tells whose it is."""

    def basic_id(self) -> str:
        """Return the account's basic ID. Raises as `Channel.basic_id`."""


class Asked(Named, Protocol):
    """A channel as far as it tells whose it is and what the month has left."""

    def quota(self) -> Quota:
        """Return this month's quota. Raises as `Channel.quota`."""


class Channel(Protocol):
    """One clinic's channel; every answer, even none, comes back as a Reply."""

    def send(self, body: bytes, retry_key: str) -> Reply:
        """Send frozen bytes under a retry key. Raises before anything leaves, or never."""

    def basic_id(self) -> str:
        """Return the account's basic ID.

        Raises PermissionError when its token is refused, ConnectionError when nobody answers.
        """

    def quota(self) -> Quota:
        """Return this month's quota. Raises ConnectionError when it cannot be read."""

    def aggregation_units(self) -> set[str]:
        """Return the unit names LINE has seen this month. Raises when they cannot be read."""


def prove(channel: Named, clinic: Clinic) -> None:
    """Ask LINE whose token this is. Raises WrongChannelError unless it is the clinic's account."""
    found, expected = channel.basic_id(), clinic.line.channel
    if found != expected:
        raise WrongChannelError(
            f"{clinic.clinic_id}: the token is of account {found}, but line.channel in its"
            f" clinic.yaml says {expected}: nothing was sent; correct the one that is wrong"
        )
