"""Vendor CSV: any encoding, delimiter and header dialect that clinic.yaml declares."""

import string
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from dagster_project.clinic import Clinic, Feed
from dagster_project.ingest.batches import Batch
from dagster_project.ingest.cells import clean
from dagster_project.ingest.errors import BadFileError
from dagster_project.ingest.header import Header, find_header
from dagster_project.ingest.records import RecordReader
from dagster_project.ingest.rows import Chunk, chunks, is_unquoted


def read_csv(path: Path, feed: Feed, clinic: Clinic) -> Iterator[Batch | BadFileError]:  # noqa: ARG001
    """Yield the records of a CSV file, and an error in place of each row that is bad.

    A bad row gives no record to any dataset. Raises BadFileError when the file as a
    whole cannot be read: an undecodable byte, no header row, a header nobody declared.
    """
    found = chunks(path, feed)
    first = next(found, Chunk([], []))
    header, start = find_header(first, feed)
    body = _Body(feed, header)
    readers = [RecordReader(record, header) for record in feed.records]
    for chunk in chain([first.since(start)], found):
        lines, rows, bad = body.take(chunk)
        cells = list(zip(*rows, strict=True)) or [()] * header.width
        selected = [reader.select(cells, len(rows)) for reader in readers]
        for reader, part in zip(readers, selected, strict=True):
            for at, error in reader.bad_rows(part, lines).items():
                bad.setdefault(lines[at], error)
        yield from (bad[line] for line in sorted(bad))
        for reader, part in zip(readers, selected, strict=True):
            if bad:
                part = part.only([lines[at] not in bad for at in part.positions])  # noqa: PLW2901
            yield from reader.batches(part, cells, lines)
        if body.has_ended:
            return


class _Body:
    """The rows between header and footer, each as wide as the header."""

    def __init__(self, feed: Feed, header: Header) -> None:
        self.width = header.width
        self.is_quoted = not is_unquoted(feed)
        self.longest: int | None = None
        self.footer = tuple(clean(mark) for mark in feed.footer)
        self.plain = frozenset(string.ascii_letters + string.digits)
        self.plain -= {mark[:1] for mark in self.footer}
        self.has_ended = False

    def take(self, chunk: Chunk) -> tuple[list[int], list[list[str]], dict[int, BadFileError]]:
        """Return the good rows of a chunk with their lines, and errors by line."""
        lines: list[int] = []
        rows: list[list[str]] = []
        bad: dict[int, BadFileError] = {}
        self._learn_length(chunk.rows)
        for line, cells in zip(chunk.lines, chunk.rows, strict=True):
            if len(cells) != self.width or cells[0][:1] not in self.plain:
                cleaned = [clean(cell) for cell in cells]
                first = next(filter(None, cleaned), "")
                if not first:
                    continue
                if self.footer and first.startswith(self.footer):
                    self.has_ended = True
                    break
                if self._is_misshapen(cleaned):
                    found, expected = f"{len(cells)} columns", f"{self.width} columns"
                    bad[line] = BadFileError(line, None, found, expected)
                    continue
            lines.append(line)
            rows.append(cells[: self.width])
        return lines, rows, bad

    def _learn_length(self, rows: Sequence[list[str]]) -> None:
        """Note how long rows usually are, empty cells at their end included.

        Without quotes a comma inside a name shifts a row, and blanks at its end would hide it.
        """
        if self.is_quoted or self.longest is not None:
            return
        lengths = Counter(len(cells) for cells in rows if len(cells) >= self.width)
        if lengths:
            self.longest = min(lengths, key=lambda length: (-lengths[length], length))

    def _is_misshapen(self, cells: list[str]) -> bool:
        if len(cells) < self.width or any(cells[self.width :]):
            return True
        return self.longest is not None and len(cells) > self.longest
