"""Days as the generator reckons them; it shares nothing with the parser or the SQL."""

import calendar
from datetime import date, timedelta


def months_after(day: date, months: int) -> date:
    """Return the same day so many months on; a day that does not exist becomes the last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def first_of_month(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def last_day_that_lapses(as_of: date, months: int) -> date:
    """Return the latest day that lies so many full months back."""
    day = as_of - timedelta(days=31 * months + 5)
    while months_after(day + timedelta(days=1), months) <= as_of:
        day += timedelta(days=1)
    return day


def born_to_reach(age: int, on: date) -> date:
    """Return a birth date whose owner reaches this age on this very day, by the age law.

    年齢計算ニ関スル法律: an age is reached on the eve of the birthday.
    """
    eve = on + timedelta(days=1)
    return months_after(eve, -12 * age)


def in_wareki(day: date) -> tuple[str, str, int]:
    """Return a day's era as kanji and letter, and the year in it."""
    eras = (
        (date(2019, 5, 1), "令和", "R"),
        (date(1989, 1, 8), "平成", "H"),
        (date(1926, 12, 25), "昭和", "S"),
        (date(1912, 7, 30), "大正", "T"),
    )
    for start, name, letter in eras:
        if day >= start:
            return name, letter, day.year - start.year + 1
    return "明治", "M", day.year - 1867


def spellings(day: date) -> list[str]:
    """Return the ways Japanese systems write a day."""
    name, letter, year = in_wareki(day)
    first = "元" if year == 1 else str(year)
    number = "MTSHR".index(letter) + 1
    dotted = f"{letter}{year}.{day.month}.{day.day}"
    return [
        f"{day:%Y/%m/%d}",
        f"{day:%Y-%m-%d}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        dotted,
        dotted.translate(WIDE),
        f"{letter}{year}/{day:%m/%d}",
        f"{name}{first}年{day.month}月{day.day}日",
        f"{number}{year:02d}{day:%m%d}",
    ]


WIDE = str.maketrans(
    "0123456789.MTSHR/-", "".join(chr(ord(c) + 0xFEE0) for c in "0123456789.MTSHR/-")
)
