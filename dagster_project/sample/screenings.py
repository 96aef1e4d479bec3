"""Screenings done never, lately, and on the very day from which the next is due."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from dagster_project.sample.calendar_days import last_day_that_lapses
from dagster_project.sample.immunization_plan import completed, school_years
from dagster_project.sample.person import Person

CHECKUP = "specific_checkup"


@dataclass(frozen=True)
class Screening:
    """A cancer screening: for whom, how often, and under which names its result is kept."""

    name: str
    sex: str
    age: int
    months: int
    items: tuple[str, ...]


SCREENINGS = (
    Screening("breast", "female", 40, 24, ("mammography",)),
    Screening("cervical", "female", 20, 24, ("cervical_cytology",)),
    Screening("colorectal", "", 40, 12, ("fecal_occult_blood",)),
    Screening("lung", "", 40, 12, ("chest_x_ray",)),
    Screening("gastric", "", 50, 24, ("gastric_x_ray", "gastric_endoscopy")),
)
# Days since the day from which the last one is over; None: never done.
SINCE_OVER = (0, -1, None, 200, -300, None)


def give_screenings(person: Person, kept: Collection[str], as_of: date) -> None:
    """Give an adult the results a clinic keeps, and the truth of what is due by its records."""
    if person.has_left:
        return
    for number, screening in enumerate(SCREENINGS):
        since = SINCE_OVER[(person.turn + number) % len(SINCE_OVER)]
        is_wrong_sex = bool(screening.sex and person.sex and person.sex != screening.sex)
        is_kept = screening.name in kept and not is_wrong_sex and _has_reached(person, 20, as_of)
        is_done = False
        if is_kept and since is not None:
            over = last_day_that_lapses(as_of, screening.months)
            item = screening.items[person.number % len(screening.items)]
            person.measure(over - timedelta(days=since), item, 1)
            is_done = since < 0
        if is_wrong_sex or is_done:
            continue
        if not person.birth_date:
            person.truth[f"{screening.name}_screening_due"] = "unknown"
        elif _has_reached(person, screening.age, as_of):
            is_known = screening.name in kept and bool(person.sex or not screening.sex)
            person.truth[f"{screening.name}_screening_due"] = "has" if is_known else "unknown"
    _checkup(person, kept, as_of)


def _has_reached(person: Person, age: int, as_of: date) -> bool:
    return bool(person.birth_date and completed(person.birth_date, 12 * age) <= as_of)


def _checkup(person: Person, kept: Collection[str], as_of: date) -> None:
    year = date(as_of.year - (as_of.month < 4), 4, 1)
    if any(day >= year and "waist" in values for day, values in person.measured.items()):
        return
    born = person.birth_date
    if born and (
        _has_reached(person, 75, as_of) or school_years(40, 40)(born, as_of).opens > as_of
    ):
        return
    person.truth[f"{CHECKUP}_due"] = "has" if born and CHECKUP in kept else "unknown"
