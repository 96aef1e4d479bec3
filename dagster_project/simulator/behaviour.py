"""What the simulator's users do with what they get: planted, and the same for the same seed."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LINK = re.compile(r"https?://[^\s\"]+")


@dataclass(frozen=True)
class Reaction:
    """What one user does with one copy, and how long after it came; None is never."""

    opens: timedelta | None
    clicks: timedelta | None  # on the first link, where there is one
    blocks: timedelta | None


@dataclass(frozen=True)
class Behaviour:
    """Shares of those a message reaches, and within how many hours of it, evenly spread.

    Whoever clicks has opened. Raises ValueError for shares that cannot be.
    """

    opens: float = 0.0
    clicks: float = 0.0
    blocks: float = 0.0
    open_hours: float = 72.0
    block_hours: float = 72.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse shares that cannot be."""
        if not (0 <= self.clicks <= self.opens <= 1 and 0 <= self.blocks <= 1):
            raise ValueError("shares are between 0 and 1, and who clicks has opened")

    def of(self, user: str, nth: int) -> Reaction:
        """Return what a user does with the copy they got after `nth` others."""
        acts = self._draw(user, nth, "acts")
        after = timedelta(hours=self.open_hours * self._draw(user, nth, "opens"))
        leaves = timedelta(hours=self.block_hours * self._draw(user, nth, "leaves"))
        return Reaction(
            after if acts < self.opens else None,
            after if acts < self.clicks else None,
            leaves if self._draw(user, nth, "blocks") < self.blocks else None,
        )

    def _draw(self, user: str, nth: int, what: str) -> float:
        """Return a number from 0 up to 1 that is this user's, this copy's and this seed's."""
        digest = hashlib.sha256(f"{self.seed}/{user}/{nth}/{what}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48


@dataclass(frozen=True)
class Sending:
    """One accepted request under a unit name: when, what, and who had how many copies before."""

    unit: str
    at: datetime
    messages: Sequence[dict[str, Any]]
    reached: Sequence[tuple[str, int]]
    behaviour: Behaviour

    def links(self) -> list[str]:
        """Return the links in it, each once, in their order."""
        return list(dict.fromkeys(_links(self.messages)))


def _links(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield from LINK.findall(part)
    elif isinstance(part, dict):
        for each in part.values():
            yield from _links(each)
    elif isinstance(part, list):
        for each in part:
            yield from _links(each)
