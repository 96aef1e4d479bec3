"""Lines to rows of cells, split as a feed declares, each with the line it begins on."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dagster_project.clinic import Feed
from dagster_project.ingest.decode import blocks
from dagster_project.ingest.errors import BadFileError

CHUNK = 2_000  # rows held at a time


@dataclass(frozen=True)
class Chunk:
    """Some rows, and the line of the file that each begins on."""

    lines: Sequence[int]
    rows: Sequence[list[str]]

    def since(self, start: int) -> "Chunk":
        """Return the rows from a position on."""
        return Chunk(self.lines[start:], self.rows[start:])


def chunks(path: Path, feed: Feed) -> Iterator[Chunk]:
    """Yield a file's rows. Raises BadFileError for undecodable bytes or broken quotes."""
    return _unquoted(path, feed) if is_unquoted(feed) else _quoted(path, feed)


def is_unquoted(feed: Feed) -> bool:
    """Return whether cells are merely joined; a delimiter of several characters means that too."""
    return feed.quoting == "none" or len(feed.delimiter) > 1


def _unquoted(path: Path, feed: Feed) -> Iterator[Chunk]:
    seen = 0
    for block in blocks(path, feed.encoding):
        for start in range(0, len(block), CHUNK):
            lines = block[start : start + CHUNK]
            first = seen + start + 1
            rows = [line.split(feed.delimiter) for line in lines]
            yield Chunk(range(first, first + len(rows)), rows)
        seen += len(block)


def _quoted(path: Path, feed: Feed) -> Iterator[Chunk]:
    text = (f"{line}\n" for block in blocks(path, feed.encoding) for line in block)
    parser = csv.reader(text, delimiter=feed.delimiter, strict=True)
    while True:
        lines, rows = [], []
        begins = parser.line_num + 1
        try:
            for cells in islice(parser, CHUNK):
                lines.append(begins)
                rows.append(cells)
                begins = parser.line_num + 1
        except csv.Error as error:
            expected = "quotes that close, and a quote inside a cell written twice"
            raise BadFileError(begins, None, "a broken quotation", expected) from error
        if not rows:
            return
        yield Chunk(lines, rows)
