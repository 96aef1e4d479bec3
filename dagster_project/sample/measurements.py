"""Measurements at, under and over each threshold, and just still valid or just not."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random

from dagster_project.sample.calendar_days import last_day_that_lapses
from dagster_project.sample.person import Person

WAIST_LIMIT = {"male": 85.0, "female": 90.0}
WAIST_MONTHS, PRESSURE_MONTHS, GLUCOSE_MONTHS = 15, 12, 6
HAS, NO, UNKNOWN = "has", "", "unknown"


def give_measurements(
    person: Person, kinds: Mapping[str, int], chance: Random, as_of: date
) -> None:
    """Give a person measurements of each family, of the kinds dealt, and the truth of them."""
    for tag, recipes in RECIPES.items():
        if state := recipes[kinds[tag]](person, chance, as_of):
            person.truth[tag] = state


def _fresh(chance: Random, as_of: date) -> date:
    return as_of - timedelta(days=chance.randint(1, 100))


def _waist(offset: float) -> Callable[[Person, Random, date], str]:
    def give(person: Person, chance: Random, as_of: date) -> str:
        limit = WAIST_LIMIT.get(person.sex)
        person.measure(_fresh(chance, as_of), "waist", (limit or 85.0) + offset)
        if limit is None:
            return UNKNOWN  # the threshold depends on a sex nobody wrote down
        return HAS if offset >= 0 else NO

    return give


def _waist_of_age(days: int) -> Callable[[Person, Random, date], str]:
    """Over the limit, on the last valid day (0) or the day before it (1)."""

    def give(person: Person, chance: Random, as_of: date) -> str:  # noqa: ARG001
        last_valid = _oldest_valid(as_of, WAIST_MONTHS)
        person.measure(last_valid - timedelta(days=days), "waist", 99.0)
        return HAS if days == 0 and person.sex in WAIST_LIMIT else UNKNOWN

    return give


def _oldest_valid(as_of: date, months: int) -> date:
    """Return the first day whose measurement still counts: so many months later is as_of."""
    yesterday = last_day_that_lapses(as_of - timedelta(days=1), months)
    return yesterday + timedelta(days=1)


def _pressures(*readings: tuple[float, float], state: str) -> Callable[[Person, Random, date], str]:
    """Give readings from the newest back, a fortnight apart."""

    def give(person: Person, chance: Random, as_of: date) -> str:
        newest = _fresh(chance, as_of)
        for number, (systolic, diastolic) in enumerate(readings):
            day = newest - timedelta(days=14 * number)
            person.measure(day, "systolic", systolic)
            person.measure(day, "diastolic", diastolic)
        return state

    return give


def _pressure_of_age(days: int) -> Callable[[Person, Random, date], str]:
    def give(person: Person, chance: Random, as_of: date) -> str:  # noqa: ARG001
        day = _oldest_valid(as_of, PRESSURE_MONTHS) - timedelta(days=days)
        person.measure(day, "systolic", 160.0)
        person.measure(day, "diastolic", 95.0)
        return UNKNOWN if days else HAS

    return give


def _glucose(item: str, value: float, state: str) -> Callable[[Person, Random, date], str]:
    def give(person: Person, chance: Random, as_of: date) -> str:
        person.measure(_fresh(chance, as_of), item, value)
        return state

    return give


def _glucose_of_age(days: int) -> Callable[[Person, Random, date], str]:
    def give(person: Person, chance: Random, as_of: date) -> str:  # noqa: ARG001
        day = _oldest_valid(as_of, GLUCOSE_MONTHS) - timedelta(days=days)
        person.measure(day, "hba1c", 8.1)
        return UNKNOWN if days else HAS

    return give


def _high_then_normal(person: Person, chance: Random, as_of: date) -> str:
    day = _fresh(chance, as_of)
    person.measure(day, "hba1c", 6.0)
    person.measure(day - timedelta(days=30), "hba1c", 7.2)
    return NO


def _not_measured(person: Person, chance: Random, as_of: date) -> str:  # noqa: ARG001
    return UNKNOWN


Recipe = Callable[[Person, Random, date], str]
RECIPES: dict[str, tuple[Recipe, ...]] = {
    "waist_over_threshold": (
        _waist(0.0),
        _waist(-0.1),
        _not_measured,
        _waist_of_age(0),
        _waist(8.5),
        _waist_of_age(1),
        _waist(-12.0),
    ),
    "blood_pressure_over_threshold": (
        _pressures((140, 80), state=HAS),
        _pressures((139, 89), state=NO),
        _pressures((150, 80), (130, 80), (110, 70), state=HAS),
        _pressures((140, 80), (139, 80), (180, 80), state=NO),
        _not_measured,
        _pressure_of_age(0),
        _pressure_of_age(1),
        _pressures((120, 90), state=HAS),
        _pressures((118, 72), (121, 75), state=NO),
    ),
    "glucose_over_threshold": (
        _glucose("hba1c", 6.5, HAS),
        _glucose("hba1c", 6.4, NO),
        _not_measured,
        _glucose("fasting_glucose", 126, HAS),
        _glucose("fasting_glucose", 125, NO),
        _glucose_of_age(0),
        _glucose_of_age(1),
        _glucose("casual_glucose", 200, HAS),
        _glucose("casual_glucose", 199, NO),
        # Not this high, and still enough for guidance; a little less is not.
        _glucose("hba1c", 5.6, NO),
        _glucose("hba1c", 5.5, NO),
        _glucose("fasting_glucose", 100, NO),
        _glucose("fasting_glucose", 99, NO),
        _high_then_normal,
    ),
}
