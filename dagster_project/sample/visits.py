"""Visits made so that a person is a member, or not, or exactly on the edge."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

from dagster_project.sample.calendar_days import (
    first_of_month,
    last_day_that_lapses,
    months_after,
)
from dagster_project.sample.departments import DEPARTMENTS, GROUPS
from dagster_project.sample.person import Person

FREQUENT = 6  # visit days within twelve months
NEW = 30  # days since the first visit
MONTHLY = 0  # of RECIPES
CLAIM_MONTHS = 14  # how far back claims reach
LAPSED = {"no_visit_3_months": 3, "no_visit_6_months": 6, "no_visit_12_months": 12}


def give_visits(
    person: Person, kind: int, departments: Sequence[str], chance: Random, as_of: date
) -> None:
    """Give a person one of the kinds of history, in some of these departments, and its truth."""
    born = person.birth_date or date.min
    days = {day for day in RECIPES[kind](chance, as_of) if day >= born}
    _share_out(person, days, departments, chance)
    if not days:
        person.truth |= dict.fromkeys((*LAPSED, "visits_frequent", "visits_new"), "unknown")
        return
    for tag, months in LAPSED.items():
        if max(days) <= last_day_that_lapses(as_of, months):
            person.truth[tag] = "has"
    if sum(day > last_day_that_lapses(as_of, 12) for day in days) >= FREQUENT:
        person.truth["visits_frequent"] = "has"
    if min(days) >= as_of - timedelta(days=NEW):
        person.truth["visits_new"] = "has"


def _share_out(person: Person, days: set[date], departments: Sequence[str], chance: Random) -> None:
    # A small share of receptions leaves the department blank: then it is unknown.
    if days and chance.random() < 0.03:
        person.visits = dict.fromkeys(sorted(days), "")
        person.truth |= dict.fromkeys((f"department_{group}" for group in GROUPS), "unknown")
        return
    count = min(chance.choice([1, 1, 1, 2, 3]), len(departments))
    usual = chance.sample(departments, k=count)
    person.visits = {day: chance.choice(usual) for day in sorted(days)}
    for name in set(person.visits.values()):
        person.truth |= {f"department_{group}": "has" for group in DEPARTMENTS[name]}


def _monthly(chance: Random, as_of: date) -> set[date]:
    start = first_of_month(as_of)
    months = [months_after(start, -n) for n in range(1, CLAIM_MONTHS + 1)]
    return {month.replace(day=chance.randint(1, 28)) for month in months}


def _exactly_frequent(chance: Random, as_of: date) -> set[date]:
    oldest = last_day_that_lapses(as_of, 12) + timedelta(days=1)
    return {oldest, *_recent(chance, as_of, FREQUENT - 1)}


def _one_too_old(chance: Random, as_of: date) -> set[date]:
    return {last_day_that_lapses(as_of, 12), *_recent(chance, as_of, FREQUENT - 1)}


def _recent(chance: Random, as_of: date, count: int) -> list[date]:
    return [as_of - timedelta(days=days) for days in chance.sample(range(1, 330), count)]


def _lapsed_today(months: int) -> Callable[[Random, date], set[date]]:
    def give(chance: Random, as_of: date) -> set[date]:
        last = last_day_that_lapses(as_of, months)
        return {last, last - timedelta(days=chance.randint(20, 60))}

    return give


def _lapses_tomorrow(months: int) -> Callable[[Random, date], set[date]]:
    def give(chance: Random, as_of: date) -> set[date]:
        last = last_day_that_lapses(as_of, months) + timedelta(days=1)
        return {last, last - timedelta(days=chance.randint(20, 60))}

    return give


def _lapsed_long(chance: Random, as_of: date) -> set[date]:
    last = last_day_that_lapses(as_of, 6) - timedelta(days=chance.randint(1, 300))
    return {last - timedelta(days=chance.randint(0, 90)) for _ in range(3)}


def _newcomer(chance: Random, as_of: date) -> set[date]:
    return {as_of - timedelta(days=chance.randint(1, 80))}


def _first_came_days_ago(days: int) -> Callable[[Random, date], set[date]]:
    def give(chance: Random, as_of: date) -> set[date]:
        first = as_of - timedelta(days=days)
        return {first, first + timedelta(days=chance.randint(1, days - 1))}

    return give


def _now_and_then(chance: Random, as_of: date) -> set[date]:
    return set(_recent(chance, as_of, chance.randint(2, 9)))


def _never(chance: Random, as_of: date) -> set[date]:  # noqa: ARG001
    return set()


RECIPES: tuple[Callable[[Random, date], set[date]], ...] = (
    _monthly,
    _exactly_frequent,
    _one_too_old,
    _lapsed_today(6),
    _lapses_tomorrow(6),
    _lapsed_long,
    _newcomer,
    _monthly,
    _now_and_then,
    _now_and_then,
    _never,
    _lapsed_long,
    _lapsed_today(3),
    _lapses_tomorrow(3),
    _lapsed_today(12),
    _lapses_tomorrow(12),
    _first_came_days_ago(NEW),
    _first_came_days_ago(NEW + 1),
)
