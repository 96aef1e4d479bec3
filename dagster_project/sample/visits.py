"""Visits made so that a person is a member, or not, or exactly on the edge."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

from dagster_project.sample.calendar_days import (
    first_of_month,
    last_day_that_lapses,
    months_after,
)
from dagster_project.sample.person import Person

FREQUENT = 6  # visit days within twelve months
CLAIM_MONTHS = 14  # how far back claims reach
DEPARTMENTS = {
    "内科": "internal_medicine",
    "小児科": "pediatrics",
    "整形外科": "orthopedics",
    "皮膚科": "dermatology",
    "婦人科": "gynecology",
    "耳鼻咽喉科": "otolaryngology",
}


def give_visits(
    person: Person, kind: int, departments: Sequence[str], chance: Random, as_of: date
) -> None:
    """Give a person one of the kinds of history, in some of these departments, and its truth."""
    born = person.birth_date or date.min
    days = {day for day in RECIPES[kind](chance, as_of) if day >= born}
    _share_out(person, days, departments, chance)
    if not days:
        person.truth["no_visit_6_months"] = person.truth["visits_frequent"] = "unknown"
        return
    year_ago = last_day_that_lapses(as_of, 12)
    if max(days) <= last_day_that_lapses(as_of, 6):
        person.truth["no_visit_6_months"] = "has"
    if sum(day > year_ago for day in days) >= FREQUENT:
        person.truth["visits_frequent"] = "has"


def _share_out(person: Person, days: set[date], departments: Sequence[str], chance: Random) -> None:
    # A small share of receptions leaves the department blank: then it is unknown.
    if days and chance.random() < 0.03:
        person.visits = dict.fromkeys(sorted(days), "")
        person.truth |= dict.fromkeys((f"department_{d}" for d in DEPARTMENTS.values()), "unknown")
        return
    usual = chance.sample(departments, k=chance.choice([1, 1, 1, 2, 3]))
    person.visits = {day: chance.choice(usual) for day in sorted(days)}
    for name in set(person.visits.values()):
        person.truth[f"department_{DEPARTMENTS[name]}"] = "has"


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


def _lapsed_today(chance: Random, as_of: date) -> set[date]:
    last = last_day_that_lapses(as_of, 6)
    return {last, last - timedelta(days=chance.randint(20, 60))}


def _lapses_tomorrow(chance: Random, as_of: date) -> set[date]:
    last = last_day_that_lapses(as_of, 6) + timedelta(days=1)
    return {last, last - timedelta(days=chance.randint(20, 60))}


def _lapsed_long(chance: Random, as_of: date) -> set[date]:
    last = last_day_that_lapses(as_of, 6) - timedelta(days=chance.randint(1, 300))
    return {last - timedelta(days=chance.randint(0, 90)) for _ in range(3)}


def _newcomer(chance: Random, as_of: date) -> set[date]:
    return {as_of - timedelta(days=chance.randint(1, 80))}


def _now_and_then(chance: Random, as_of: date) -> set[date]:
    return set(_recent(chance, as_of, chance.randint(2, 9)))


def _never(chance: Random, as_of: date) -> set[date]:  # noqa: ARG001
    return set()


RECIPES: tuple[Callable[[Random, date], set[date]], ...] = (
    _monthly,
    _exactly_frequent,
    _one_too_old,
    _lapsed_today,
    _lapses_tomorrow,
    _lapsed_long,
    _newcomer,
    _monthly,
    _now_and_then,
    _now_and_then,
    _never,
    _lapsed_long,
)
