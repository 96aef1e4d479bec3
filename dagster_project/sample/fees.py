"""Management fees for lifestyle diseases, claimed just within six months, just before, or not."""

from datetime import date

from dagster_project.sample.calendar_days import (
    first_of_month,
    last_day_that_lapses,
    months_after,
)
from dagster_project.sample.person import Person, Treatment
from dagster_project.sample.visits import CLAIM_MONTHS

TAG = "lifestyle_fee_within_6_months"
NAMES_NO_DISEASE, ONLINE = "113707110", "113707210"  # 生活習慣病管理料2
RESEMBLES = "113001810"  # 特定疾患療養管理料
COUNTED = {NAMES_NO_DISEASE, ONLINE, "113041710", "113041810", "113041910"}


def give_fees(person: Person, as_of: date) -> None:
    """Give a person a fee on the first visit of a month, or none, and the truth of all theirs."""
    lapses = last_day_that_lapses(as_of, 6)
    newest = months_after(first_of_month(as_of), -2)
    oldest = months_after(newest, 1 - CLAIM_MONTHS)
    firsts = {
        month: min(day for day in person.visits if first_of_month(day) == month)
        for month in person.months()
        if oldest <= month <= newest
    }
    before = [month for month, day in firsts.items() if day <= lapses]
    within = [month for month, day in firsts.items() if day > lapses]
    choice = {
        0: (before[-1:], NAMES_NO_DISEASE),
        1: (within[:1], NAMES_NO_DISEASE),
        2: (within[-1:], ONLINE),
        3: (within[:1], RESEMBLES),
    }
    months, code = choice.get(person.number % 6, ([], ""))
    person.treatments += [Treatment("SI", code, month) for month in months]
    if any(each.code in COUNTED and each.month in within for each in person.treatments):
        person.truth[TAG] = "has"
