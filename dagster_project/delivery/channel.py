"""What sending needs of a LINE channel, and the proof that it is the clinic's own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from dagster_project.clinic import Clinic
from dagster_project.line.messages import Message
from dagster_project.line.replies import Quota, Reply, Webhook

CLOCK_OFF = timedelta(minutes=5)  # from LINE's; far within the margin of its 24 hours


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


class Validating(Protocol):
    """A channel as far as it looks at a text without sending it."""

    def refusal_of(self, messages: Sequence[Message]) -> str | None:
        """Return what LINE would refuse in a message, None where it would take it.

        Raises PermissionError when its token is refused, ConnectionError when LINE does not say.
        """


class Inspected(Asked, Validating, Protocol):
    """A channel as far as it can be looked at before its window."""

    def units_left(self) -> int:
        """Return the new unit names this month has left. Raises as `Validating.refusal_of`."""

    def webhook(self) -> Webhook:
        """Return how LINE reaches our webhook. Raises as `Validating.refusal_of`."""


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

    def refusal_of(self, messages: Sequence[Message]) -> str | None:
        """Return what LINE would refuse in a message. Raises as `Validating.refusal_of`."""

    def clock(self) -> datetime | None:
        """Return LINE's own clock at its last answer, None where it did not say."""

    def units_left(self) -> int:
        """Return the new unit names this month has left. Raises as `Inspected.units_left`."""

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


def is_off(ours: datetime, theirs: datetime | None) -> bool:
    """Return whether this machine's clock is not LINE's.

    The hours in which a retry cannot deliver twice are counted by the one and kept by the other.
    """
    return theirs is not None and abs(ours - theirs) > CLOCK_OFF
