"""Dates as Japanese systems write them, to one day, or an error; never a guess.

Covers the Gregorian styles of vendor exports, wareki in every spelling
(S45.3.2, 令和元年5月1日, Ｈ１／３／２) and the 7-digit GYYMMDD of older UKE files,
where G is 1 明治, 2 大正, 3 昭和, 4 平成, 5 令和.
"""

import re
import unicodedata
from datetime import date
from functools import lru_cache

# First year of each era, minus one, so that year 1 (元年) adds up.
ERA_BASE = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
ERAS = {
    **ERA_BASE,
    **{name[0]: base for name, base in ERA_BASE.items()},
    **dict(zip("MTSHR", ERA_BASE.values(), strict=True)),
    **dict(zip("12345", ERA_BASE.values(), strict=True)),
}
GREGORIAN = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]\d{1,2}:\d{2}.*)?")
WAREKI = re.compile(
    r"(明治|大正|昭和|平成|令和|[明大昭平令MTSHR])\s*(\d{1,2}|元)[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
)
# What systems write for "no date".
NO_DATE = frozenset({"", "0", "00000000", "0000/00/00", "0000-00-00", "9999-12-31", "99999999"})
EXPECTED = "a date such as 1970/3/2, 19700302, S45.3.2 or 昭和45年3月2日"


@lru_cache(maxsize=65536)
def parse_date(text: str) -> date | None:
    """Return the day a cell means, None for an empty one. Raises ValueError for no real day."""
    cell = unicodedata.normalize("NFKC", text).strip().upper()
    if cell in NO_DATE:
        return None
    if cell.isdigit() and len(cell) == 8:
        return date(int(cell[:4]), int(cell[4:6]), int(cell[6:]))
    if cell.isdigit() and len(cell) == 7 and cell[0] in "12345":
        return wareki(cell[0], cell[1:3], cell[3:5], cell[5:])
    if match := GREGORIAN.fullmatch(cell):
        return date(*(int(part) for part in match.groups()))
    if match := WAREKI.fullmatch(cell):
        return wareki(*match.groups())
    raise ValueError(EXPECTED)


def wareki(era: str, year: str, month: str, day: str) -> date:
    """Return the day of an era date. Raises ValueError for an unknown era or an impossible day."""
    name = unicodedata.normalize("NFKC", era).strip().upper()
    if name not in ERAS:
        raise ValueError(EXPECTED)
    return date(ERAS[name] + (1 if year == "元" else int(year)), int(month), int(day))


def parse_month(text: str) -> date:
    """Return the first day of a UKE month: YYYYMM, or GYYMM of the older generation."""
    if not text.isdigit() or len(text) not in {5, 6}:
        raise ValueError("a month as YYYYMM or GYYMM")
    day = parse_date(text + "01")
    if day is None:
        raise ValueError("a month as YYYYMM or GYYMM")
    return day
