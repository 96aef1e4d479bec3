"""Cells to values: one function per column, asked once per distinct cell.

Exports repeat themselves (departments, days, codes), so a column remembers what each
cell meant. A bad cell becomes a `Bad` value, not an exception: a whole column is read
in one go and its bad rows are looked for only when there are any.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from dagster_project.clinic import Column
from dagster_project.ingest.contract import CODES, DAY, FLAG, JOINED, NEVER_BLANK
from dagster_project.ingest.dates import EXPECTED, parse_date, wareki

FLAGS = {"1": True, "0": False, "true": True, "false": False, "": False}
REMEMBERED = 65_536  # distinct cells per column
PARTS = "|"  # between the cells that make one value; no blank, so that none is stripped
# Not enough to tell a date from surnames such as 大平, which are made of era letters.
DATE_LIKE = re.compile(r"[\d\s\-/.:+TZMSHR明治大正昭和平成令元年月日]*", re.IGNORECASE)


@dataclass(frozen=True)
class Bad:
    """A cell that cannot be read; `found` is what may be shown of it."""

    found: str
    expected: str


class Drop:
    """What `others: drop` makes of a cell: the row is left out, and is no error."""


DROP = Drop()
Read = Callable[[str], object]


class Values(dict[str, object]):
    """What each raw cell of a column means. `has_bad` and `has_drop` tell of any met so far."""

    def __init__(self, read: Read) -> None:
        super().__init__()
        self.read = read
        self.has_bad = False
        self.has_drop = False

    def __missing__(self, cell: str) -> object:
        if len(self) >= REMEMBERED:
            self.clear()
        value = self[cell] = self.read(clean(cell))
        self.has_bad = self.has_bad or isinstance(value, Bad)
        self.has_drop = self.has_drop or value is DROP
        return value


def clean(cell: str) -> str:
    """Return a cell stripped and in NFKC, so that 半角カナ and 全角数字 have one form."""
    return cell.strip() if cell.isascii() else unicodedata.normalize("NFKC", cell).strip()


def reads(dataset: str, name: str, column: Column, kind: pa.DataType) -> Read:
    """Return the function from a cleaned cell to the value, `Bad` or `DROP` of one column."""
    typed: Read = {DAY: _day, FLAG: _flag}.get(kind, _text)
    codes = CODES.get((dataset, name))
    if codes:
        typed = _coded(codes, is_joined=(dataset, name) in JOINED)
    read = typed if column.values is None else _mapped(column, typed)
    return _present(read) if name in NEVER_BLANK else read


def read_wareki(cell: str) -> object:
    """Return the day of era, year, month and day joined with PARTS; None when all are 0 or ''."""
    parts = [clean(part) for part in cell.split(PARTS)]
    if not any(part.strip("0") for part in parts):
        return None
    try:
        era, year, month, day = parts
        return wareki(era, year, month, day)
    except ValueError:
        return Bad(shown_day("/".join(parts)), "an era, year, month and day that exist")


def _text(cell: str) -> object:
    return cell or None


def _day(cell: str) -> object:
    try:
        return parse_date(cell)
    except ValueError:
        return Bad(shown_day(cell), EXPECTED)


def _flag(cell: str) -> object:
    value = FLAGS.get(cell.lower())
    return Bad(hinted(cell), "1, 0, true, false or blank") if value is None else value


def _coded(codes: tuple[str, ...], *, is_joined: bool) -> Read:
    expected = f"one of {', '.join(codes)}" + (' joined with "|"' if is_joined else "")

    def read(cell: str) -> object:
        parts = cell.split("|") if is_joined else [cell]
        unknown = next((part for part in parts if part not in codes), None)
        if not cell:
            return None
        return cell if unknown is None else Bad(hinted(unknown), expected)

    return read


def _mapped(column: Column, typed: Read) -> Read:
    values: Mapping[str, object] = {clean(k): v for k, v in (column.values or {}).items()}
    expected = f"one of {', '.join(map(repr, values))}; or add it under `values` in clinic.yaml"

    def read(cell: str) -> object:
        if cell in values:
            return values[cell]
        if column.others == "drop":
            return DROP
        return typed(cell) if column.others == "keep" else Bad(hinted(cell), expected)

    return read


def _present(read: Read) -> Read:
    def present(cell: str) -> object:
        value = read(cell)
        return Bad("", "a value: the row belongs to nobody") if value is None else value

    return present


def shown_day(cell: str) -> str:
    """Return a date cell as an error may repeat it: what stands in its place may be a name."""
    digits = sum(char.isdigit() for char in cell)
    is_telephone = digits > 8 and cell[0] in "0+"
    is_shown = DATE_LIKE.fullmatch(cell) and digits and not is_telephone
    return cell if is_shown else f"{len(cell)} characters that are no date"


def hinted(cell: str) -> str:
    """Return as much of a code as an error may repeat: where columns are swapped it is a name."""
    return cell if len(cell) < 2 or cell.isdecimal() else f"{cell[0]}… ({len(cell)} characters)"
