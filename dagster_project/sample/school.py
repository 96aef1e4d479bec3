"""School years as the law has them: from 2 April to the next 1 April, beginning on 1 April."""

from datetime import date

from dagster_project.sample.calendar_days import months_after

# Years from entering elementary school: from, and up to but not including.
GRADES = {
    "school_preschool": (-99, 0),
    "school_last_preschool_year": (-1, 0),
    "school_elementary": (0, 6),
    "school_junior_high": (6, 9),
    "school_high_age": (9, 12),
}
EDGES = (5, 6, 12, 15, 18)


def grades_of(born: date, as_of: date) -> list[str]:
    """Return the tags of the grades a child born on a day is in."""
    enters = _first_april_from(months_after(born, 12 * 6))
    return [
        tag
        for tag, (first, beyond) in GRADES.items()
        if _years_on(enters, first) <= as_of < _years_on(enters, beyond)
    ]


def births_at_the_edges(as_of: date) -> list[date]:
    """Return, for each grade that begins or ends a band, its last birthday and the next day."""
    this_year = as_of.year if as_of >= date(as_of.year, 4, 1) else as_of.year - 1
    return [date(this_year - years, 4, day) for years in EDGES for day in (1, 2)]


def _first_april_from(day: date) -> date:
    """Return the first 1 April that is not before the day after an age was reached."""
    april = date(day.year, 4, 1)
    return april if day <= april else _years_on(april, 1)


def _years_on(april: date, years: int) -> date:
    return date(max(april.year + years, 1), 4, 1)
