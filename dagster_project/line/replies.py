"""What an answer of LINE means for a batch (Messaging API reference, status codes)."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What may be done next with the same retry key and the same bytes."""

    ACCEPTED = "accepted"  # 200: LINE has it
    ALREADY_ACCEPTED = "already_accepted"  # 409: LINE had it from an earlier try
    UNKNOWN = "unknown"  # 5xx, timeout, reset, half an answer: maybe sent; try again
    RATE_LIMITED = "rate_limited"  # 429: not sent; wait
    QUOTA_EXHAUSTED = "quota_exhausted"  # 429: not sent; the month is used up
    UNAUTHORIZED = "unauthorized"  # 401: not sent; a new token is needed
    FORBIDDEN = "forbidden"  # 403: not sent; the account or its plan may not
    REJECTED = "rejected"  # 400 that names a property, 413: never sent as it is
    WITHHELD = "withheld"  # this side refused to send it: nothing left


@dataclass(frozen=True)
class Reply:
    """One attempt's answer. `status` is None when the network failed before one came."""

    kind: Kind
    status: int | None
    request_id: str | None = None
    accepted_request_id: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Webhook:
    """Where LINE sends events: whether it does, and whether its own test reached us."""

    is_active: bool
    is_reached: bool
    detail: str = ""


@dataclass(frozen=True)
class Quota:
    """Messages of this month: the cap (None when there is none) and what is used, approximately."""

    limit: int | None
    used: int

    @property
    def left(self) -> int | None:
        """Return how many recipients may still be written to, or None without a cap."""
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True)
class Counts:
    """How many people opened a unit's messages, and any link in them; None is not shown."""

    impressions: int | None
    clicks: int | None


class NothingThereError(ConnectionError):
    """LINE knows the channel, and has nothing of what was asked."""


class TooManyRequestsError(ConnectionError):
    """LINE answers no more requests of a kind for now."""
