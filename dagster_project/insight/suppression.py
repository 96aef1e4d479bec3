"""Which parts of a shown whole are not to be shown, so that no small group can be reckoned.

A part that is too small is hidden; and where what is hidden together, which is the whole less the
parts that are shown, would still be too small, so is the next smallest.
"""

from collections.abc import Hashable, Iterable, Mapping, Set
from typing import Any, TypeVar

Part = TypeVar("Part", bound=Hashable)
Sizes = Mapping[Any, int]  # people of a part, by kind: each kind has a total somebody can know


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
    totals = sums(parts.values())
    while kind := _short(parts, found, totals, smallest):
        others = [part for part in parts if part not in found and parts[part].get(kind[0])]
        found.add(min(others, key=lambda part: (parts[part][kind[0]], str(part))))
    return found


def _short(
    parts: Mapping[Part, Sizes], hidden: Set[Part], totals: Sizes, smallest: int
) -> list[Hashable]:
    """Return the kinds of which what is hidden has too few, or is one part that has them alone."""
    kept = [parts[part] for part in hidden if part in parts]
    return [
        kind
        for kind, people in sums(kept).items()
        if totals[kind] >= smallest
        and people < totals[kind]
        and (is_small(people, smallest) or len([each for each in kept if each.get(kind)]) == 1)
    ]


def sums(parts: Iterable[Sizes]) -> dict[Hashable, int]:
    """Return the people of several parts together, by kind."""
    found: dict[Hashable, int] = {}
    for sizes in parts:
        for kind, people in sizes.items():
            found[kind] = found.get(kind, 0) + people
    return found
