"""Vaccinations on record: kept up, one behind, none, on the edge of an interval, half recorded."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

from dagster_project.sample.calendar_days import months_after
from dagster_project.sample.immunization_plan import PLAN, TAGS, Dose, Series
from dagster_project.sample.person import Person

# Ages in days that the usual spread of ages misses: of a newborn's, a schoolchild's vaccines.
TELLING_AGES = {
    "age_0_5": (95, 400, 64, 200, 320, 1120, 50, 230, 800, 35),
    "age_6_15": (4030, 4500, 3500, 5000, 2600, 4200),
}
UNKNOWN_NAME = "治験ワクチン"  # no vaccine that a schedule knows
OTHER_LIVE = "おたふくかぜ"
LIVE_REST = timedelta(days=28)


def telling_birth(band: str, turn: int, as_of: date) -> date | None:
    """Return a birth date of an age at which vaccines of this band are due; None for others."""
    ages = TELLING_AGES.get(band)
    return as_of - timedelta(days=ages[turn % len(ages)]) if ages else None


def give_vaccinations(person: Person, chance: Random, as_of: date) -> None:
    """Give a person a record of some kind for each vaccine of their age, and the truth of it."""
    if person.birth_date is None:
        person.truth |= {
            series.tag: "unknown" for series in PLAN if not series.is_other_sex(person.sex)
        }
        return
    for number, series in enumerate(PLAN):
        recipe = RECIPES[(person.turn + 3 * number) % len(RECIPES)]
        days = _kept_up(person, person.birth_date, series, chance, as_of)
        person.given += recipe(series, days, as_of)
    if person.number % 13 == 0 and months_after(person.birth_date, 12) < as_of - LIVE_REST:
        rest = LIVE_REST - timedelta(days=person.number % 2)
        person.given.append((OTHER_LIVE, 1, as_of - rest))
    if person.number % 47 == 0 and person.birth_date < as_of:
        person.given.append((UNKNOWN_NAME, 1, as_of - timedelta(days=1)))
    for tag in TAGS:
        if state := _truth(person, person.birth_date, tag, as_of):
            person.truth[tag] = state


def _kept_up(person: Person, born: date, series: Series, chance: Random, as_of: date) -> list[date]:
    """Return the days of every dose that could have been given by yesterday."""
    days: list[date] = []
    for dose in series.doses:
        window = dose.window(born, as_of)
        is_far = window is None or window.closes < months_after(as_of, -12 * 16)
        if window is None or is_far or series.is_other_sex(person.sex):
            break
        first = max(window.asks, dose.after(days) or window.asks)
        day = first + timedelta(days=chance.randint(0, 9))
        if day > window.closes or day >= as_of:
            break
        days.append(day)
    return days


def _numbered(series: Series, days: Sequence[date]) -> list[tuple[str, int, date]]:
    return [(series.product(day), number, day) for number, day in enumerate(days, start=1)]


def _all(series: Series, days: list[date], as_of: date) -> list[tuple[str, int, date]]:  # noqa: ARG001
    return _numbered(series, days)


def _one_behind(series: Series, days: list[date], as_of: date) -> list[tuple[str, int, date]]:  # noqa: ARG001
    return _numbered(series, days[:-1])


def _nothing(series: Series, days: list[date], as_of: date) -> list[tuple[str, int, date]]:  # noqa: ARG001
    return []


def _last_alone(series: Series, days: list[date], as_of: date) -> list[tuple[str, int, date]]:  # noqa: ARG001
    return _numbered(series, days)[-1:]


def _without_numbers(series: Series, days: list[date], as_of: date) -> list[tuple[str, int, date]]:  # noqa: ARG001
    return [(name, 0, day) for name, _, day in _numbered(series, days)]


def _rest_over(extra: int) -> Callable[[Series, list[date], date], list[tuple[str, int, date]]]:
    """Move the last dose so that the next is allowed today (0) or so many days later."""

    def give(series: Series, days: list[date], as_of: date) -> list[tuple[str, int, date]]:
        if not days or len(days) == len(series.doses):
            return _numbered(series, days)
        following, target = series.doses[len(days)], as_of + timedelta(days=extra)
        for back in range(1, 400):
            moved = [*days[:-1], as_of - timedelta(days=back)]
            is_in_order = len(days) == 1 or moved[-2] < moved[-1]
            if is_in_order and moved[-1] > days[-1] and following.after(moved) == target:
                return _numbered(series, moved)
        return _numbered(series, days)

    return give


RECIPES = (_all, _one_behind, _nothing, _rest_over(0), _last_alone, _one_behind, _rest_over(1),
           _without_numbers)  # fmt: skip


def _truth(person: Person, born: date, tag: str, as_of: date) -> str:
    states = [
        _state(person, born, series, dose, as_of)
        for series in PLAN
        if series.tag == tag and not series.is_other_sex(person.sex)
        for dose in series.doses
    ]
    return next((state for state in ("has", "unknown") if state in states), "")


def _state(person: Person, born: date, series: Series, dose: Dose, as_of: date) -> str:
    window = dose.window(born, as_of)
    own = [(no, day) for name, no, day in person.given if name in series.products]
    days = sorted({day for _, day in own if not series.is_yearly or day >= window_year(as_of)})
    done = len(days) if series.is_yearly else max([len(days), *(no for no, _ in own)])
    if window is None or done >= dose.number or not window.asks <= as_of <= window.closes:
        return ""
    if _is_doubtful(person, born, series, dose, window.asks, days, bool(own)):
        return "unknown"
    if done < dose.number - 1:
        before = series.doses[dose.number - 2].window(born, as_of)
        return "" if before and before.closes >= as_of else "unknown"
    ready = [window.opens, dose.after(days) or window.opens]
    lives = [day for name, _, day in person.given if name in LIVE]
    if series.is_live and lives:
        ready.append(max(lives) + LIVE_REST)
    return "has" if max(ready) <= as_of else ""


def _is_doubtful(
    person: Person, born: date, series: Series, dose: Dose, asks: date, days: list[date],
    has_own: bool,
) -> bool:  # fmt: skip
    if series.sex and not person.sex:
        return True
    if any(name == UNKNOWN_NAME for name, _, _ in person.given):
        return True
    if dose.needs_history and not has_own and not (person.visits and min(person.visits) <= asks):
        return True
    return bool(dose.began_before and days and days[0] >= months_after(born, dose.began_before))


def window_year(as_of: date) -> date:
    """Return 1 April of the fiscal year of a day."""
    return date(as_of.year - (as_of.month < 4), 4, 1)


LIVE = {OTHER_LIVE, "帯状疱疹生", *(name for s in PLAN if s.is_live for name in s.products)}
