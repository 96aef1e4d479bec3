"""Chronic conditions, claimed so that they are confirmed, merely suspected, over, or not meant."""

from datetime import date
from random import Random

from dagster_project.sample.calendar_days import first_of_month, last_day_that_lapses, months_after
from dagster_project.sample.diseases import Disease, diseases_of, rarer
from dagster_project.sample.episodes import (
    CONFIRMED,
    ENDED,
    OVER,
    RECIPES,
    STANDING,
    Scene,
    two_months,
)
from dagster_project.sample.person import Person
from dagster_project.sample.visits import CLAIM_MONTHS


def give_conditions(person: Person, kind: int, turn: int, chance: Random, as_of: date) -> bool:
    """Give a person diseases in some states that their visits allow, and the truth of them.

    Returns whether they took their turn at the rarer diseases, so that each has its members.
    """
    edge = first_of_month(as_of)
    newest = months_after(edge, -2)  # a month is claimed in the next, and sent on its last day
    oldest = months_after(newest, 1 - CLAIM_MONTHS)
    claimed = [month for month in person.months() if oldest <= month <= newest]
    recent = [month for month in claimed if months_after(month, 12) >= as_of]
    fees_count_from = last_day_that_lapses(as_of, 12)

    def scene(disease: Disease) -> Scene:
        return Scene(person, disease, chance, claimed, recent, fees_count_from)

    diseases, another = diseases_of(person.number), rarer(turn)
    # Some have nothing left that is treated, so that the end of a treatment shows.
    is_over = kind % 4 == 3
    states = {}
    for number, disease in enumerate(diseases):
        recipe = (
            OVER[(person.number + number) % len(OVER)]
            if is_over
            else RECIPES[(kind + 5 * number) % len(RECIPES)]
        )
        states[disease.tag] = recipe(scene(disease))
    takes_turn = not is_over and another not in diseases and len(recent) > 1
    if takes_turn:
        states[another.tag] = two_months(scene(another))
    person.truth |= {tag: "has" for tag, state in states.items() if state == CONFIRMED}
    if CONFIRMED in states.values():
        person.truth["under_treatment"] = "has"
    elif ENDED in states.values() and STANDING not in states.values():
        person.truth["treatment_ended"] = "has"
    return takes_turn
