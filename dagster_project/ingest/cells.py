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
    """Return the day of an era, year, month and day joined with tabs; None when all are empty."""
    parts = [clean(part) for part in cell.split("\t")]
    if not any(parts):
        return None
    try:
        return wareki(*parts)
    except ValueError:
        return Bad(_shown("/".join(parts)), "an era, year, month and day that exist")


def _text(cell: str) -> object:
    return cell or None


def _day(cell: str) -> object:
    try:
        return parse_date(cell)
    except ValueError:
        return Bad(_shown(cell), EXPECTED)


def _flag(cell: str) -> object:
    value = FLAGS.get(cell.lower())
    return Bad(cell, "1, 0, true, false or blank") if value is None else value


def _coded(codes: tuple[str, ...], *, is_joined: bool) -> Read:
    expected = f"one of {', '.join(codes)}" + (' joined with "|"' if is_joined else "")

    def read(cell: str) -> object:
        parts = cell.split("|") if is_joined else [cell]
        if not cell:
            return None
        return cell if all(part in codes for part in parts) else Bad(cell, expected)

    return read


def _mapped(column: Column, typed: Read) -> Read:
    values: Mapping[str, object] = {clean(k): v for k, v in (column.values or {}).items()}
    expected = f"one of {', '.join(map(repr, values))}; or add it under `values` in clinic.yaml"

    def read(cell: str) -> object:
        if cell in values:
            return values[cell]
        if column.others == "drop":
            return DROP
        return typed(cell) if column.others == "keep" else Bad(cell, expected)

    return read


def _present(read: Read) -> Read:
    def present(cell: str) -> object:
        value = read(cell)
        return Bad("", "a value: the row belongs to nobody") if value is None else value

    return present


def _shown(cell: str) -> str:
    """Return a date cell as an error may repeat it: text in its place may be a name."""
    return cell if DATE_LIKE.fullmatch(cell) else f"{len(cell)} characters that are no date"
