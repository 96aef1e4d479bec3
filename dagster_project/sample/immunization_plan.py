"""The routine vaccines as the generator reckons them; nothing is shared with seeds or SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dagster_project.sample.calendar_days import months_after

DAY = timedelta(days=1)
Rest = Callable[[Sequence[date]], date]


@dataclass(frozen=True)
class Window:
    """From when a dose may be given, from when it is asked for, and its last day."""

    opens: date
    asks: date
    closes: date


@dataclass(frozen=True)
class Dose:
    """One dose: its window for a birth date, and how long it waits for those before it."""

    number: int
    window: Callable[[date, date], Window | None]
    rest: Rest | None = None
    began_before: int | None = None  # months of age at the first dose
    needs_history: bool = False

    def after(self, days: Sequence[date]) -> date | None:
        """Return the first day the doses before it allow; None where nothing is to wait for."""
        return self.rest(days) if self.rest and days else None


@dataclass(frozen=True)
class Series:
    """The doses of one vaccine under one tag, and the products that count for it."""

    tag: str
    products: tuple[str, ...]
    doses: tuple[Dose, ...]
    is_live: bool = False
    is_yearly: bool = False
    sex: str = ""

    def product(self, day: date) -> str:
        """Return the product given on a day; the same one for the whole of a series mostly."""
        return self.products[day.year % len(self.products)]

    def is_other_sex(self, sex: str) -> bool:
        """Return whether it is known to be for the other sex."""
        return bool(self.sex and sex and sex != self.sex)


def completed(born: date, months: int) -> date:
    """Return the day at whose end so many months are complete (民法143条)."""
    day = months_after(born, months)
    return day - DAY if day.day == born.day else day


def of_months(first: int, last: int, asks: int | None = None) -> Callable[[date, date], Window]:
    """Return a window between two ages in months."""
    return lambda born, _: Window(
        months_after(born, first), months_after(born, asks or first), completed(born, last)
    )


def of_days(first: int, last: int) -> Callable[[date, date], Window]:
    """Return a window between two ages in days, both of them in it."""
    return lambda born, _: Window(born + first * DAY, born + first * DAY, born + last * DAY)


def while_aged(years: int) -> Callable[[date, date], Window]:
    """Return the window from the eve of one birthday to the eve of the next."""
    return lambda born, _: Window(
        completed(born, 12 * years), completed(born, 12 * years), completed(born, 12 * years + 12)
    )


def school_years(first: int, last: int) -> Callable[[date, date], Window]:
    """Return the window from 1 April of the year of one age to 31 March of that of another."""

    def window(born: date, _: date) -> Window:
        opens = date(_school_year(born, first), 4, 1)
        return Window(opens, opens, date(_school_year(born, last) + 1, 3, 31))

    return window


def _school_year(born: date, age: int) -> int:
    reached = completed(born, 12 * age)
    return reached.year if reached.month >= 4 else reached.year - 1


def season(age: int, closing: tuple[int, int]) -> Callable[[date, date], Window | None]:
    """Return this fiscal year's season, from October to a day of next spring, from an age on."""

    def window(born: date, as_of: date) -> Window | None:
        year = as_of.year if as_of.month >= 4 else as_of.year - 1
        opens = max(date(year, 10, 1), completed(born, 12 * age))
        closes = date(year + 1, *closing)
        return Window(opens, opens, closes) if opens <= closes else None

    return window


def zoster(born: date, as_of: date) -> Window | None:
    """Return the window of the fiscal year in which 65 (until 2029: each fifth year) is reached."""
    ages = [65, *range(70, 101, 5)] if date(2025, 4, 1) <= as_of <= date(2030, 3, 31) else [65]
    windows = [school_years(age, age)(born, as_of) for age in ages]
    return next((w for w in windows if w.opens <= as_of <= w.closes), None)


def clear_days(days: int) -> Rest:
    """Return a rest of so many days between two doses."""
    return lambda given: given[-1] + (days + 1) * DAY


def months(count: int) -> Rest:
    """Return a rest of calendar months."""
    return lambda given: months_after(given[-1], count)


PLAN = (
    Series("five_in_one_due", ("5種混合", "4種混合"), (
        Dose(1, of_months(2, 90), needs_history=True),
        Dose(2, of_months(2, 90), clear_days(20)),
        Dose(3, of_months(2, 90), clear_days(20)),
        Dose(4, of_months(2, 90), months(6)))),
    Series("pneumococcal_child_due", ("小児肺炎球菌",), (
        Dose(1, of_months(2, 60), needs_history=True),
        Dose(2, of_months(2, 24), clear_days(27), began_before=7),
        Dose(3, of_months(2, 24), clear_days(27), began_before=7),
        Dose(4, of_months(12, 60), clear_days(60), began_before=7))),
    Series("hepatitis_b_due", ("B型肝炎",), (
        Dose(1, of_months(0, 12, 2), needs_history=True),
        Dose(2, of_months(0, 12, 2), clear_days(27)),
        Dose(3, of_months(0, 12, 7), lambda given: given[0] + 140 * DAY))),
    Series("rotavirus_due", ("ロタ1価", "ロタ"), (
        Dose(1, of_days(42, 104), needs_history=True),
        Dose(2, of_days(42, 168), clear_days(27)))),
    Series("bcg_due", ("BCG",), (Dose(1, of_months(0, 12, 5), needs_history=True),), is_live=True),
    Series("mr_due", ("MR",), (
        Dose(1, of_months(12, 24)), Dose(2, school_years(6, 6))), is_live=True),
    Series("chickenpox_due", ("水痘",), (
        Dose(1, of_months(12, 36)), Dose(2, of_months(12, 36), months(3))), is_live=True),
    Series("japanese_encephalitis_due", ("日本脳炎",), (
        Dose(1, of_months(6, 90, 36), needs_history=True),
        Dose(2, of_months(6, 90, 36), clear_days(6)),
        Dose(3, of_months(6, 90, 48), months(6)),
        Dose(4, of_months(108, 156), clear_days(6)))),
    Series("dt_due", ("DT",), (Dose(1, of_months(132, 156), needs_history=True),)),
    Series("hpv_due", ("HPV",), (
        Dose(1, school_years(12, 16)),
        Dose(2, school_years(12, 16), months(5), began_before=180)), sex="female"),
    Series("influenza_due", ("インフルエンザ",), (Dose(1, season(65, (1, 31))),), is_yearly=True),
    Series("covid_due", ("新型コロナ",), (Dose(1, season(65, (3, 31))),), is_yearly=True),
    Series("pneumococcal_due", ("高齢者肺炎球菌",), (Dose(1, while_aged(65)),)),
    Series("zoster_due", ("帯状疱疹組換え", "帯状疱疹生"), (Dose(1, zoster),)),
)  # fmt: skip
TAGS = tuple(series.tag for series in PLAN)
