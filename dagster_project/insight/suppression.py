"""Which parts of a shown whole are not to be shown, so that no small group can be reckoned.

A part that is too small is hidden; and where what is hidden together, which is the whole less the
parts that are shown, would still be too small, so is the next smallest.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Part = TypeVar("Part", bound=Hashable)
Sizes = Mapping[Hashable, int]  # people of a part, by kind: each kind has a total somebody can know


def is_small(people: int, smallest: int) -> bool:
    """Return whether there is somebody, and so few that a person could be made out."""
    return 0 < people < smallest


def hidden_parts(
    parts: Mapping[Part, Sizes], smallest: int, hidden: Iterable[Part] = ()
) -> set[Part]:
    """Return the parts to hide of a whole that is shown, with those that are hidden anyway.

    A kind of which the whole has too few has to be kept from being known elsewhere.
    """
    found = {*hidden}
    found |= {
        part for part, sizes in parts.items() if any(is_small(n, smallest) for n in sizes.values())
    }
    totals = _sums(parts.values())
    while short := [
        kind
        for kind, people in _sums(parts[part] for part in found if part in parts).items()
        if is_small(people, smallest) and totals[kind] >= smallest
    ]:
        kind = short[0]
        others = [part for part in parts if part not in found and parts[part].get(kind)]
        found.add(min(others, key=lambda part: (parts[part][kind], str(part))))
    return found


def _sums(parts: Iterable[Sizes]) -> dict[Hashable, int]:
    sums: dict[Hashable, int] = {}
    for sizes in parts:
        for kind, people in sizes.items():
            sums[kind] = sums.get(kind, 0) + people
    return sums
