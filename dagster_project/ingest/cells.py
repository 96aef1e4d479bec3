"""Cells to values: one small function per column, made once per file from its mapping."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from dagster_project.clinic import Column
from dagster_project.ingest.contract import COUNT, DAY, FLAG
from dagster_project.ingest.dates import parse_date, wareki
from dagster_project.ingest.errors import BadFileError

Value = object
Reader = Callable[[Sequence[str], int], Value]  # (cleaned cells, line) -> value

FLAGS = {"1": True, "0": False, "true": True, "false": False, "": False}


class DropRowError(Exception):
    """A row that is deliberately left out (`others: drop`); not an error of the file."""


def clean(cell: str) -> str:
    """Return a cell stripped and in NFKC, so that 半角カナ and 全角数字 have one form."""
    return cell.strip() if cell.isascii() else unicodedata.normalize("NFKC", cell).strip()


def reader(name: str, column: Column, kind: pa.DataType, index: Mapping[str, int]) -> Reader:
    """Return the function that reads one landing column from a row.

    `index` maps a cleaned header to its position. Raises KeyError when none of the
    column's headers is there; the caller has checked that before.
    """
    if column.const is not None:
        return _constant(column.const)
    if column.wareki is not None:
        return _wareki(name, [index[clean(header)] for header in column.wareki])
    header = next(clean(h) for h in column.header if clean(h) in index)
    at = index[header]
    if column.values is not None:
        return _mapped(header, at, column)
    typed = {DAY: _day, FLAG: _flag, COUNT: _count}.get(kind)
    if typed is not None:
        return typed(header, at)
    return lambda cells, line: cells[at] or None  # noqa: ARG005 - every reader is called alike


def _constant(value: str | bool) -> Reader:
    return lambda cells, line: value  # noqa: ARG005


def _wareki(name: str, at: Sequence[int]) -> Reader:
    def read(cells: Sequence[str], line: int) -> Value:
        parts = [cells[position] for position in at]
        if not any(parts):
            return None
        try:
            return wareki(*parts)
        except ValueError as error:
            expected = "an era, year, month and day that exist"
            raise BadFileError(line, name, "/".join(parts), expected) from error

    return read


def _mapped(header: str, at: int, column: Column) -> Reader:
    values = {clean(key): value for key, value in (column.values or {}).items()}

    def read(cells: Sequence[str], line: int) -> Value:
        cell = cells[at]
        if cell in values:
            return values[cell]
        if column.others == "drop":
            raise DropRowError
        if column.others == "keep":
            return cell or None
        raise BadFileError(line, header, cell, "one of " + ", ".join(map(repr, values)))

    return read


def _day(header: str, at: int) -> Reader:
    def read(cells: Sequence[str], line: int) -> Value:
        try:
            return parse_date(cells[at])
        except ValueError as error:
            raise BadFileError(line, header, cells[at], "a date that exists") from error

    return read


def _flag(header: str, at: int) -> Reader:
    def read(cells: Sequence[str], line: int) -> Value:
        try:
            return FLAGS[cells[at].lower()]
        except KeyError as error:
            raise BadFileError(line, header, cells[at], "1, 0, true, false or blank") from error

    return read


def _count(header: str, at: int) -> Reader:
    def read(cells: Sequence[str], line: int) -> Value:
        try:
            return int(cells[at]) if cells[at] else None
        except ValueError as error:
            raise BadFileError(line, header, cells[at], "a whole number") from error

    return read
