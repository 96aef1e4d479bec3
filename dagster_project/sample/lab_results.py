"""Lipids, BMI and smoking at and beside each threshold, and what blood sugars say of guidance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from dagster_project.sample.calendar_days import months_after
from dagster_project.sample.person import Person

HAS, NO, UNKNOWN = "has", "", "unknown"
FRESH = -1  # measured lately; 0: on the last day that still counts; 1: on the day before it


@dataclass(frozen=True)
class Result:
    """Measurements of one day, and what follows for each tag."""

    values: Mapping[str, float]
    states: Mapping[str, str]
    months: int  # how long they count
    age: int = FRESH


def _lipids(state: str, age: int = FRESH, **values: float) -> Result:
    return Result(values, {"lipids_over_threshold": state}, 12, age)


def _ldl(state: str, age: int = FRESH, **values: float) -> Result:
    return Result(values, {"ldl_over_threshold": state}, 12, age)


def _bmi(over: str, under: str, age: int = FRESH, **values: float) -> Result:
    return Result(values, {"bmi_over_threshold": over, "bmi_under_threshold": under}, 15, age)


def _smoking(state: str, age: int = FRESH, **values: float) -> Result:
    return Result(values, {"smoking": state}, 15, age)


RESULTS = (
    (
        _lipids(HAS, triglycerides=150, hdl=60),
        _lipids(NO, triglycerides=149, hdl=40),
        _lipids(UNKNOWN),
        _lipids(HAS, triglycerides=90, hdl=39),
        _lipids(HAS, 0, hdl=30),
        _lipids(UNKNOWN, 1, hdl=30),
        _lipids(NO, triglycerides=90),
    ),
    (
        _ldl(HAS, ldl=140),
        _ldl(NO, ldl=139),
        _ldl(UNKNOWN),
        _ldl(HAS, 0, ldl=190),
        _ldl(UNKNOWN, 1, ldl=190),
    ),
    (
        _bmi(HAS, NO, bmi=25),
        _bmi(NO, NO, bmi=24.9),
        _bmi(NO, NO, bmi=18.5),
        _bmi(NO, HAS, bmi=18.4),
        _bmi(UNKNOWN, UNKNOWN),
        _bmi(HAS, NO, 0, bmi=31),
        _bmi(UNKNOWN, UNKNOWN, 1, bmi=31),
        _bmi(NO, HAS, 0, bmi=17),
    ),
    (
        _smoking(HAS, smoking=1),
        _smoking(NO, smoking=2),
        _smoking(NO, smoking=3),
        _smoking(UNKNOWN),
        _smoking(HAS, 0, smoking=1),
        _smoking(UNKNOWN, 1, smoking=1),
    ),
)
GUIDANCE = {"hba1c_over_threshold": ("hba1c", 5.6), "fasting_glucose_over_threshold":
            ("fasting_glucose", 100)}  # fmt: skip
TAGS = (*(tag for results in RESULTS for tag in results[0].states), *GUIDANCE)


def give_lab_results(person: Person, as_of: date) -> None:
    """Give a person one result of each kind, and the truth of it and of their blood sugars."""
    for number, results in enumerate(RESULTS):
        result = results[(person.number // 2 + number) % len(results)]
        day = as_of - timedelta(days=10 + person.number % 80)
        if result.age != FRESH:
            day = _oldest_valid(as_of, result.months) - timedelta(days=result.age)
        for item, value in result.values.items():
            person.measure(day, item, value)
        person.truth |= {tag: state for tag, state in result.states.items() if state}
    for tag, (item, limit) in GUIDANCE.items():
        if state := _guidance(person, item, limit, as_of):
            person.truth[tag] = state


def _guidance(person: Person, item: str, limit: float, as_of: date) -> str:
    days = [day for day, values in person.measured.items() if item in values]
    if not days or months_after(max(days), 6) < as_of:
        return UNKNOWN
    return HAS if person.measured[max(days)][item] >= limit else NO


def _oldest_valid(as_of: date, months: int) -> date:
    """Return the first day whose measurement still counts today."""
    day = as_of - timedelta(days=31 * months + 5)
    while months_after(day, months) < as_of:
        day += timedelta(days=1)
    return day
