"""Dates as Japanese systems write them, to one day, or an error; never a guess.

Covers the Gregorian styles of vendor exports, wareki in every spelling
(S45.3.2, 令和元年5月1日, Ｈ１／３／２, S450302) and the 7-digit GYYMMDD of older UKE
files, where G is 1 明治, 2 大正, 3 昭和, 4 平成, 5 令和.
"""

import re
import unicodedata
from contextlib import suppress
from datetime import date, datetime
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")
# First year of each era, minus one, so that year 1 (元年) adds up.
ERA_BASE = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
ERAS = {
    **ERA_BASE,
    **{name[0]: base for name, base in ERA_BASE.items()},
    **dict(zip("MTSHR", ERA_BASE.values(), strict=True)),
    **dict(zip("12345", ERA_BASE.values(), strict=True)),
}
# 明治元年 began in 1868: an earlier year in a clinic's file is a slip of the pen.
FIRST_YEAR, LAST_YEAR, FOR_EVER = 1868, 2199, 9999
DAY = r"\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
TIME = r"(?:[T ]+(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[-+]\d{2}:?\d{2})?)?"
GREGORIAN = re.compile(r"(\d{4})" + DAY + TIME)
WAREKI = re.compile(r"(明治|大正|昭和|平成|令和|[明大昭平令MTSHR])\.?\s*(\d{1,2}|元)" + DAY)
SHORT_WAREKI = re.compile(r"([1-5MTSHR])(\d{2})(\d{2})(\d{2})")
# What systems write for "no date": nothing, only separators (a blank form), noughts, nines.
NO_DATE = re.compile(r"[\s\-/.年月日]*|0[0\-/.]*|99999999")
EXPECTED = "a date that exists, such as 1970/3/2, 19700302, S45.3.2 or 昭和45年3月2日"


def parse_date(text: str) -> date | None:
    """Return the day a cell means, None for an empty one. Raises ValueError for no real day.

    An instant with an offset is taken to its day in Japan.
    """
    cell = unicodedata.normalize("NFKC", text).strip().upper()
    if NO_DATE.fullmatch(cell):
        return None
    if cell.isdigit() and len(cell) == 8:
        return _gregorian(cell[:4], cell[4:6], cell[6:])
    if match := GREGORIAN.fullmatch(cell):
        year, month, day, time, offset = match.groups()
        found = _gregorian(year, month, day)
        return _in_japan(found, time, offset) if found and offset else found
    if match := SHORT_WAREKI.fullmatch(cell) or WAREKI.fullmatch(cell):
        return wareki(*match.groups())
    raise ValueError(EXPECTED)


def wareki(era: str, year: str, month: str, day: str) -> date:
    """Return the day of an era date. Raises ValueError for an unknown era or an impossible day."""
    name = unicodedata.normalize("NFKC", era).strip().upper()
    number = 1 if year == "元" else int(year)
    if name not in ERAS or not 1 <= number <= 99:
        raise ValueError(EXPECTED)
    return _existing(ERAS[name] + number, int(month), int(day))


def parse_month(text: str) -> date:
    """Return the first day of a UKE month: YYYYMM, or GYYMM of the older generation."""
    if text.isdigit() and len(text) in {5, 6}:
        with suppress(ValueError):
            if day := parse_date(text + "01"):
                return day
    raise ValueError("a month as YYYYMM or GYYMM")


def _gregorian(year: str, month: str, day: str) -> date | None:
    found = _existing(int(year), int(month), int(day))
    if found.year == FOR_EVER:
        return None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(EXPECTED)
    return found


def _existing(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(EXPECTED) from error


def _in_japan(day: date, time: str, offset: str) -> date:
    padded = time if time[2] == ":" else f"0{time}"
    return datetime.fromisoformat(f"{day}T{padded}{offset}").astimezone(TOKYO).date()
