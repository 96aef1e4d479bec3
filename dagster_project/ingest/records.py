"""Columns of cells to records of one dataset, as one `records` entry of clinic.yaml says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dagster_project.clinic import Column, Measure, Record
from dagster_project.ingest.batches import Batch, batch_of
from dagster_project.ingest.cells import DROP, PARTS, Bad, Values, clean, read_wareki, reads
from dagster_project.ingest.contract import DATASETS
from dagster_project.ingest.errors import BadFileError
from dagster_project.ingest.header import Header

T = TypeVar("T")
Cells = Sequence[Sequence[str]]  # one sequence per column of the file


@dataclass(frozen=True)
class Selected:
    """The rows one record takes from a chunk: their positions, and their values by column."""

    positions: Sequence[int]
    columns: dict[str, list[object]]

    def only(self, wanted: Sequence[bool]) -> "Selected":
        """Return the rows marked true."""
        return Selected(
            [at for at, keep in zip(self.positions, wanted, strict=True) if keep],
            {
                name: [value for value, keep in zip(values, wanted, strict=True) if keep]
                for name, values in self.columns.items()
            },
        )


class _ColumnReader:
    """Where one landing column comes from in this file."""

    def __init__(self, dataset: str, name: str, column: Column, header: Header) -> None:
        self.name = name
        self.const = column.const
        self.at = [header.at([h]) for h in column.wareki or []]
        if column.header:
            self.at = [header.at(column.header)]
        kind = DATASETS[dataset].field(name).type
        read = read_wareki if column.wareki else reads(dataset, name, column, kind)
        self.values = Values(read)
        self.shown = next((h for h in column.header if header.has([h])), name)

    def read(self, cells: Cells, positions: Sequence[int]) -> list[object]:
        """Return the value of each row; `Bad` and `DROP` among them."""
        if not self.at:
            return [self.const] * len(positions)
        raw = [_at(cells[at], positions) for at in self.at]
        known = self.values
        if len(raw) == 1:
            return [known[cell] for cell in raw[0]]
        return [known[PARTS.join(parts)] for parts in zip(*raw, strict=True)]


class RecordReader:
    """How rows become records of one dataset, prepared once per file."""

    def __init__(self, record: Record, header: Header) -> None:
        self.dataset = record.dataset
        self.where = [
            (header.at([name]), frozenset(map(clean, allowed)))
            for name, allowed in record.where.items()
        ]
        self.columns = []
        self.split: tuple[str, int, str] | None = None
        for name, column in record.columns.items():
            if column.split:
                self.split = (name, header.at(column.header), column.split)
            else:
                self.columns.append(_ColumnReader(record.dataset, name, column, header))
        self.measures = [(header.at([each.header]), each) for each in record.measures]

    def select(self, cells: Cells, count: int) -> Selected:
        """Return the rows this record takes, its bad rows still among them."""
        positions: Sequence[int] = range(count)
        for at, allowed in self.where:
            positions = [n for n in positions if clean(cells[at][n]) in allowed]
        found = Selected(
            positions, {each.name: each.read(cells, positions) for each in self.columns}
        )
        for each in self.columns:
            if each.values.has_drop:
                found = found.only([value is not DROP for value in found.columns[each.name]])
        return found

    def bad_rows(self, found: Selected, lines: Sequence[int]) -> dict[int, BadFileError]:
        """Return the first error of each selected row that has one, by position."""
        bad: dict[int, BadFileError] = {}
        for each in self.columns:
            if not each.values.has_bad:
                continue
            for at, value in zip(found.positions, found.columns[each.name], strict=True):
                if isinstance(value, Bad) and at not in bad:
                    bad[at] = BadFileError(lines[at], each.shown, value.found, value.expected)
        return bad

    def batches(self, found: Selected, cells: Cells, lines: Sequence[int]) -> Iterator[Batch]:
        """Yield the records that good rows become."""
        if self.measures:
            for at, measure in self.measures:
                yield from self._measured(found, cells[at], measure, lines)
        elif self.split:
            yield from self._split(found, cells, lines)
        elif found.positions:
            yield batch_of(self.dataset, found.columns, _at(lines, found.positions))

    def _measured(
        self, found: Selected, column: Sequence[str], measure: Measure, lines: Sequence[int]
    ) -> Iterator[Batch]:
        words = {clean(word): f"{number:g}" for word, number in measure.values.items()}
        cells = map(clean, _at(column, found.positions))
        values = [words.get(cell, cell) for cell in cells]
        filled = found.only([bool(value) for value in values])
        if filled.positions:
            many = len(filled.positions)
            own: dict[str, list[object]] = {
                "item": [measure.item] * many,
                "value": [value for value in values if value],
                "unit": [measure.unit] * many,
            }
            yield batch_of(self.dataset, {**filled.columns, **own}, _at(lines, filled.positions))

    def _split(self, found: Selected, cells: Cells, lines: Sequence[int]) -> Iterator[Batch]:
        assert self.split  # noqa: S101 - the caller asked
        name, at, mark = self.split
        parts = [
            (n, part)
            for n, cell in enumerate(_at(cells[at], found.positions))
            for part in dict.fromkeys(
                clean(each) for each in clean(cell).split(clean(mark) or mark)
            )
            if part
        ]
        if parts:
            own = {key: [values[n] for n, _ in parts] for key, values in found.columns.items()}
            own[name] = [part for _, part in parts]
            yield batch_of(self.dataset, own, [lines[found.positions[n]] for n, _ in parts])


def _at(values: Sequence[T], positions: Sequence[int]) -> Sequence[T]:
    return values if len(positions) == len(values) else [values[n] for n in positions]
