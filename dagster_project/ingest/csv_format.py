"""Vendor CSV: any encoding, delimiter and header dialect that clinic.yaml declares."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

from dagster_project.clinic import Column, Feed, Record
from dagster_project.ingest.cells import DropRowError, Reader, clean, reader
from dagster_project.ingest.contract import DATASETS
from dagster_project.ingest.decode import lines
from dagster_project.ingest.errors import BadFileError

MAX_TITLE_LINES = 20
Row = tuple[str, dict[str, object]]  # (dataset, record)
csv.field_size_limit(1_000_000)


def read_csv(path: Path, feed: Feed) -> Iterator[Row | BadFileError]:
    """Yield the records of a CSV file, and an error in place of each row that is bad.

    Raises BadFileError when the file as a whole cannot be read: an undecodable
    byte, no header row, a header nobody declared.
    """
    rows = _rows(path, feed)
    header, index = _find_header(rows, feed)
    width = len(header)
    plans = [_Plan(record, index) for record in feed.records]
    for line, cells in rows:
        cleaned = [clean(cell) for cell in cells]
        first = next((cell for cell in cleaned if cell), None)
        if first is None:
            continue
        if any(first.startswith(mark) for mark in feed.footer):
            return
        if len(cleaned) < width or any(cleaned[width:]):
            yield BadFileError(line, None, f"{len(cleaned)} columns", f"{width} columns")
            continue
        for plan in plans:
            try:
                yield from plan.records(cleaned, line)
            except BadFileError as error:
                yield error
                break


class _Plan:
    """How one row becomes records of one dataset, prepared once per file."""

    def __init__(self, record: Record, index: dict[str, int]) -> None:
        schema = DATASETS[record.dataset]
        self.dataset = record.dataset
        self.where = [(index[clean(h)], frozenset(v)) for h, v in record.where.items()]
        self.readers: list[tuple[str, Reader]] = []
        self.splits: list[tuple[str, int, str]] = []
        for name, column in record.columns.items():
            if column.split is not None:
                at = next(index[clean(h)] for h in column.header if clean(h) in index)
                self.splits.append((name, at, column.split))
            elif _is_there(column, index):
                kind = schema.field(name).type
                self.readers.append((name, reader(name, column, kind, index)))
        self.measures = [(index[clean(m.header)], m.item, m.unit) for m in record.measures]

    def records(self, cells: Sequence[str], line: int) -> Iterator[Row]:
        """Yield what one row becomes; nothing when `where` or `others: drop` leaves it out."""
        if any(cells[at] not in allowed for at, allowed in self.where):
            return
        try:
            base = {name: read(cells, line) for name, read in self.readers}
        except DropRowError:
            return
        base["line_no"] = line
        if "patient_no" in base and not base["patient_no"]:
            raise BadFileError(line, "patient_no", "", "a patient number")
        for extra in self._variants(cells):
            yield self.dataset, {**base, **extra}

    def _variants(self, cells: Sequence[str]) -> Iterable[dict[str, object]]:
        if self.measures:
            for at, item, unit in self.measures:
                if cells[at]:
                    yield {"item": item, "value": cells[at], "unit": unit}
            return
        parts = [
            [(name, part.strip()) for part in cells[at].split(mark) if part.strip()]
            for name, at, mark in self.splits
        ]
        for choice in product(*parts):
            yield {**dict(choice)}


def _is_there(column: Column, index: dict[str, int]) -> bool:
    """Return whether a column can be read: an alias may be missing if another is there."""
    return not column.header or any(clean(h) in index for h in column.header)


def _rows(path: Path, feed: Feed) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) for every line, split as the feed declares."""
    text = lines(path, feed.encoding)
    if feed.quoting == "none" or len(feed.delimiter) > 1:
        for number, line in enumerate(text, start=1):
            yield number, line.split(feed.delimiter)
        return
    parser = csv.reader((line + "\n" for line in text), delimiter=feed.delimiter)
    begins = 1
    for cells in parser:
        yield begins, cells
        begins = parser.line_num + 1


def _find_header(
    rows: Iterator[tuple[int, list[str]]], feed: Feed
) -> tuple[list[str], dict[str, int]]:
    """Return the header row: the first that holds every declared column. Skips title lines."""
    needed = [group for record in feed.records for group in _header_groups(record)]
    known = {name for group in needed for name in group} | {clean(name) for name in feed.ignore}
    best: tuple[int, list[str], list[str]] | None = None
    for line, cells in rows:
        header = [clean(cell) for cell in cells]
        while header and not header[-1]:
            header.pop()
        missing = ["/".join(group) for group in needed if not set(group) & set(header)]
        if not missing:
            unknown = [name for name in header if name not in known]
            if unknown:
                raise BadFileError(
                    line, "header", ", ".join(unknown), "only headers that clinic.yaml declares"
                )
            return header, {name: at for at, name in reversed(list(enumerate(header)))}
        if best is None or len(missing) < len(best[1]):
            best = (line, missing, header)
        if line >= MAX_TITLE_LINES:
            break
    line_no, missing, found = best or (1, ["a header row"], [])
    raise BadFileError(
        line_no, "header", ", ".join(found) or "an empty file", "header " + ", ".join(missing)
    )


def _header_groups(record: Record) -> list[list[str]]:
    """Return the headers a record needs; in each group one alias is enough."""
    groups = [[clean(h) for h in column.header] for column in record.columns.values()]
    groups += [[clean(h)] for column in record.columns.values() for h in column.wareki or []]
    groups += [[clean(measure.header)] for measure in record.measures]
    groups += [[clean(header)] for header in record.where]
    return [group for group in groups if group]
