"""旧タグ: the tags another LINE tool kept, from its CSV, checked whole before any is taken."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dagster_project.clinic import Feed
from dagster_project.ingest.cells import clean
from dagster_project.ingest.errors import BadFileError
from dagster_project.ingest.reachability import patient_id
from dagster_project.ingest.rows import chunks
from dagster_project.overrides.known import Known

PATIENT = ("診察券番号", "patient_no")
TAG = ("タグ", "tag")
Row = tuple[int, list[str]]  # the line it begins on, its cleaned cells
Asked = tuple[str, str]  # patient, tag


def read_old_tags(path: Path, known: Known) -> tuple[list[Asked], list[BadFileError]]:
    """Return each (patient, tag) of a file once, and everything that is wrong with it.

    What is right may only be taken when nothing is wrong. UTF-8 or CP932; other columns
    are not looked at.
    """
    try:
        rows = list(_rows(path))
        patient_at, tag_at, width = _header(rows)
    except BadFileError as error:
        return [], [error]
    asked: dict[Asked, None] = {}
    errors = []
    for line, cells in rows[1:]:
        try:
            if len(cells) != width:
                raise BadFileError(line, "row", f"{len(cells)} cells", f"{width}, as the header")
            who = _patient(line, rows[0][1][patient_at], cells[patient_at], known)
            asked[who, _tag(line, rows[0][1][tag_at], cells[tag_at], known)] = None
        except BadFileError as error:
            errors.append(error)
    if not asked and not errors:
        errors.append(BadFileError(rows[0][0], None, "a header and no row", "a patient and a tag"))
    return list(asked), errors


def _rows(path: Path) -> Iterator[Row]:
    """Yield the rows that are not blank."""
    try:
        path.read_bytes().decode("utf-8")
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "cp932"
    feed = Feed.model_validate(
        {"files": path.name, "format": "csv", "mode": "full", "encoding": encoding}
    )
    for chunk in chunks(path, feed):
        for line, cells in zip(chunk.lines, chunk.rows, strict=True):
            if any(cleaned := [clean(cell) for cell in cells]):
                yield line, cleaned


def _header(rows: Sequence[Row]) -> tuple[int, int, int]:
    """Return where patient and tag stand in the first row, and how many columns there are."""
    line, names = rows[0] if rows else (1, [])
    places = []
    for wanted in (PATIENT, TAG):
        at = [n for n, name in enumerate(names) if name in wanted]
        if len(at) != 1:
            found = " and ".join(names[n] for n in at) or ", ".join(names) or "an empty file"
            raise BadFileError(line, "header", found, f"one column {' or '.join(wanted)}")
        places += at
    return places[0], places[1], len(names)


def _patient(line: int, column: str, cell: str, known: Known) -> str:
    who = patient_id(cell)
    if not cell or who not in known.patients:
        raise BadFileError(line, column, cell, "a 診察券番号 of the published patient list")
    return who


def _tag(line: int, column: str, cell: str, known: Known) -> str:
    try:
        return known.tag(cell)
    except KeyError as error:
        raise BadFileError(line, column, cell, str(error.args[0])) from error
