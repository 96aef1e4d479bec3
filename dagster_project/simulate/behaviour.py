"""Invented patients, and what they do between the steps: planted, so that the end is known."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

# Of all who enter, between the first and the second step, and the second and the third; later
# pauses are as the last of these. Two of a hundred who come later are in a late export.
COMES = (0.19, 0.10)
BLOCKS = (0.02, 0.015)
LATE = 0.005


@dataclass(frozen=True)
class Person:
    """One invented patient: when they come, from which night that is known, when they block."""

    patient_id: str
    visited_on: date | None = None
    known_on: date | None = None
    blocked_on: date | None = None


def people(count: int, seed: int, start: date, after_days: Sequence[int]) -> list[Person]:
    """Return so many patients who all enter on a day, in an order and on days of a seed.

    A visit is known the night after; a late one two nights after, with a step in between.
    """
    chance = random.Random(seed)  # noqa: S311 - an invented clinic, not a secret
    numbers = [str(n) for n in range(1, count + 1)]
    chance.shuffle(numbers)
    acting: list[Person] = []

    def take(share: float) -> list[str]:
        return [numbers.pop() for _ in range(min(round(share * count), len(numbers)))]

    for pause, (step, following) in enumerate(pairwise(after_days)):
        at = min(pause, len(COMES) - 1)
        late = take(LATE) if pause == 1 else []
        # It is the step before that a late export lets through.
        day = start + timedelta(days=step - 1)
        acting += [Person(who, day, day + timedelta(days=2)) for who in late]
        for who in take(COMES[at] - (LATE if pause == 1 else 0)):
            day = start + timedelta(days=chance.randint(step + 1, max(step + 1, following - 1)))
            acting.append(Person(who, day, day + timedelta(days=1)))
        for who in take(BLOCKS[at]):
            day = start + timedelta(days=chance.randint(step + 1, max(step + 1, following)))
            acting.append(Person(who, blocked_on=day))
    return sorted([*acting, *map(Person, numbers)], key=lambda each: int(each.patient_id))
