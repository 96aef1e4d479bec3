"""The header row of a vendor CSV: found, not assumed, and every header accounted for."""

from collections.abc import Sequence
from dataclasses import dataclass

from dagster_project.clinic import Feed, Record
from dagster_project.ingest.cells import clean
from dagster_project.ingest.errors import BadFileError
from dagster_project.ingest.rows import Chunk

MAX_TITLE_LINES = 20


@dataclass(frozen=True)
class Header:
    """Where each header stands, and how many columns hold data."""

    position: dict[str, int]
    width: int

    def at(self, names: Sequence[str]) -> int:
        """Return the column of the first of these headers that is there."""
        return next(self.position[n] for n in map(clean, names) if n in self.position)

    def has(self, names: Sequence[str]) -> bool:
        """Return whether any of these headers is there."""
        return any(clean(name) in self.position for name in names)


def find_header(chunk: Chunk, feed: Feed) -> tuple[Header, int]:
    """Return the first row that holds every declared column, and where the data begins.

    Skips title lines. Raises BadFileError when there is no such row, or when it holds
    a header that clinic.yaml neither maps nor ignores, or one mapped header twice.
    """
    needed = [group for record in feed.records for group in _groups(record)]
    known = {name for group in needed for name in group} | {clean(name) for name in feed.ignore}
    nearest: tuple[int, list[str], list[str]] | None = None
    for at, cells in enumerate(chunk.rows[: MAX_TITLE_LINES + 1]):
        names = [clean(cell) for cell in cells]
        while names and not names[-1]:
            names.pop()
        missing = [group for group in needed if not set(group) & set(names)]
        if not missing:
            _check(names, needed, known, chunk.lines[at])
            position = {name: n for n, name in reversed(list(enumerate(names)))}
            return Header(position, len(names)), at + 1
        wanted = ["/".join(group) for group in missing]
        # Only a row that can be a header is shown: a number, or no known name, is a patient's.
        is_header = known & set(filter(None, names)) and not any(n.isdecimal() for n in names)
        if is_header and (nearest is None or len(wanted) < len(nearest[2])):
            nearest = (chunk.lines[at], [n for n in names if n and n not in known], wanted)
    if nearest is None:
        wanted = ["/".join(group) for group in needed]
        nearest = (1, [f"no known header in the first {MAX_TITLE_LINES + 1} lines"], wanted)
    line, found, wanted = nearest
    shown = ", ".join(found) or "no other header"
    expected = f"header {', '.join(wanted)}; if renamed, add the new name in clinic.yaml"
    raise BadFileError(line, "header", shown, expected)


def _check(names: list[str], needed: list[list[str]], known: set[str], line: int) -> None:
    unknown = [
        name or f"an empty header in column {n}"
        for n, name in enumerate(names, start=1)
        if name not in known
    ]
    if unknown:
        expected = "only declared headers: map it, or add it to `ignore`, in clinic.yaml"
        raise BadFileError(line, "header", ", ".join(unknown), expected)
    mapped = {name for group in needed for name in group}
    twice = sorted({name for name in names if name in mapped and names.count(name) > 1})
    if twice:
        raise BadFileError(line, "header", ", ".join(twice), "each mapped header once")


def _groups(record: Record) -> list[list[str]]:
    """Return the headers a record needs; in each group one alias is enough."""
    groups = [[clean(h) for h in column.header] for column in record.columns.values()]
    groups += [[clean(h)] for column in record.columns.values() for h in column.wareki or []]
    groups += [[clean(measure.header)] for measure in record.measures]
    groups += [[clean(header)] for header in record.where]
    return [group for group in groups if group]
