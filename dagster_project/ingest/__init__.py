"""Exports in, landing out: what the EMR wrote, parsed once, kept for ever.

`ingest_clinic` reads every file of a clinic's folder that clinic.yaml declares. The
same bytes are never read twice; a file that cannot be read as declared is set aside
whole, with an error that names line, column, what was found and what was expected.
It is tried again as long as nothing has replaced it: the mapping may have been mended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dagster_project.clinic import Clinic, Feed
from dagster_project.ingest.batches import Batch
from dagster_project.ingest.csv_format import read_csv
from dagster_project.ingest.current import Row, arrival, known_on, open_quarantines
from dagster_project.ingest.errors import BadFileError
from dagster_project.ingest.landing import Landing, file_id_of, sighting_id_of
from dagster_project.ingest.sighting import Sighted, registry_row, sighted_files
from dagster_project.ingest.uke_format import read_uke

__all__ = ["FileReport", "IngestReport", "ingest_clinic"]

# The whole interface of a format: its records in batches, an error in place of each bad
# row; it raises BadFileError when the file as a whole cannot be read.
READERS: dict[str, Callable[[Path, Feed, Clinic], Iterator[Batch | BadFileError]]] = {
    "csv": read_csv,
    "uke": read_uke,
}
Reading = Callable[[], Iterator[Batch | BadFileError]]  # a file read from its beginning
Door = Callable[[Reading], Iterator[Batch | BadFileError]]


class _ChangedError(Exception):
    """A file that somebody is still writing."""


@dataclass(frozen=True)
class FileReport:
    """One file of tonight: what became of it.

    `status` is landed, quarantined, known (nothing new) or changing (still being
    written: left for the next time).
    """

    feed: str
    name: str
    status: str
    rows: int
    bad_rows: int
    error: str | None


@dataclass(frozen=True)
class IngestReport:
    """What one clinic's folder held, and which files no feed declares."""

    files: tuple[FileReport, ...]
    unrecognised: tuple[str, ...]


def _open(read: Reading) -> Iterator[Batch | BadFileError]:
    return read()


def ingest_clinic(
    clinic: Clinic,
    folder: Path,
    landing_dir: Path,
    as_of: date,
    door: Door = _open,
) -> IngestReport:
    """Land a clinic's exports and report every file. A bad file never raises.

    What a file says passes through `door`, which keeps out whom the clinic has forgotten.
    """
    landing = Landing(landing_dir / clinic.clinic_id)
    reports, unrecognised = [], []
    with landing.alone():
        met = _Met(landing, as_of)
        for sighted in sighted_files(clinic, folder):
            feed_name = sighted.feed_name
            if feed_name is None:
                unrecognised.append(sighted.name)
                continue
            try:
                reports.append(_meet(clinic, landing, met, sighted, feed_name, as_of, door))
            except (_ChangedError, FileNotFoundError):
                reports.append(FileReport(feed_name, sighted.name, "changing", 0, 0, None))
    return IngestReport(tuple(reports), tuple(unrecognised))


class _Met:
    """The registry in memory: what was met before, under which name, and how it went."""

    def __init__(self, landing: Landing, as_of: date) -> None:
        rows = sorted(landing.sightings(), key=arrival)
        self.arrivals = arrival(rows[-1]) if rows else 0
        self.newest = {row["name"]: row for row in rows}
        self.landed = {row["file_id"]: row for row in rows if row["status"] == "landed"}
        self.waiting = {row["sighting_id"] for row in open_quarantines(rows, as_of)}

    def add(self, row: Row) -> None:
        """Note a sighting that is now in the registry."""
        self.arrivals = max(self.arrivals, arrival(row))
        self.newest[row["name"]] = row
        if row["status"] == "landed":
            self.landed[row["file_id"]] = row


def _meet(
    clinic: Clinic,
    landing: Landing,
    met: _Met,
    sighted: Sighted,
    feed_name: str,
    as_of: date,
    door: Door,
) -> FileReport:
    """Land one file unless its name holds what it held before, and report it."""
    stamp = _stamp(sighted.path)
    file_id = file_id_of(sighted.path)
    before = met.newest.get(sighted.name)
    is_same = before is not None and before["file_id"] == file_id
    if before and is_same and before["sighting_id"] not in met.waiting:
        if known_on(before) > as_of:
            # A run for a day gone by finds it in the folder: that day's night may count it.
            landing.register({**before, "known_on": as_of})
        return _report(before, "known")
    row = registry_row(clinic, feed_name, clinic.feeds[feed_name], sighted, as_of)
    if before and is_same:
        again = ("sighting_id", "file_id", "arrival", "first_seen_as_of")
        row.update({key: before[key] for key in again})
    else:
        number = met.arrivals + 1
        sighting_id = sighting_id_of(sighted.name, file_id, number)
        row.update(sighting_id=sighting_id, file_id=file_id, arrival=number)
    _land(clinic, landing, sighted, row, met.landed.get(file_id), stamp, door)
    landing.register(row)
    met.add(row)
    return _report(row, str(row["status"]))


def _land(
    clinic: Clinic,
    landing: Landing,
    sighted: Sighted,
    row: Row,
    same: Row | None,
    stamp: tuple[int, int],
    door: Door,
) -> None:
    """Store a file's records and note in its registry row how that went."""
    feed = clinic.feeds[str(row["feed"])]
    try:
        first_seen = row["first_seen_as_of"]
        assert isinstance(first_seen, date)  # noqa: S101 - the registry's schema says so
        row["exported_on"] = sighted.exported_on(first_seen)
        # Without records it may serve any feed: two lists that are empty today look alike.
        if same and same["rows"]:
            _share(row, same)
            return
        batches = door(lambda: READERS[feed.format](sighted.path, feed, clinic))
        stored = landing.store(
            str(row["file_id"]),
            _while_still(sighted.path, stamp, batches),
            clinic.limits.max_bad_rows,
        )
        row.update(rows=stored.rows, bad_rows=stored.bad_rows)
        if stored.first_bad:
            row.update(_place(stored.first_bad))
    except BadFileError as error:
        if _stamp(sighted.path) != stamp:
            raise _ChangedError from error
        row.update(status="quarantined", error=str(error), **_place(error))


def _share(row: Row, same: Row) -> None:
    """Count content that has landed before under another name as that same content."""
    if same["feed"] != row["feed"]:
        found = f"the content of {same['name']}"
        raise BadFileError(None, None, found, f"not a file of feed {same['feed']}")
    row.update(rows=same["rows"], bad_rows=same["bad_rows"])


def _while_still(
    path: Path, stamp: tuple[int, int], batches: Iterator[Batch | BadFileError]
) -> Iterator[Batch | BadFileError]:
    """Yield the batches of a file that nobody is writing to, or raise `_ChangedError`."""
    yield from batches
    if _stamp(path) != stamp:
        raise _ChangedError


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _place(error: BadFileError) -> Row:
    return {
        "error_line": error.line,
        "error_column": error.column,
        "error_found": error.found,
        "error_expected": error.expected,
    }


def _report(row: Row, status: str) -> FileReport:
    rows, bad_rows = row["rows"], row["bad_rows"]
    return FileReport(
        feed=str(row["feed"]),
        name=str(row["name"]),
        status=status,
        rows=rows if isinstance(rows, int) else 0,
        bad_rows=bad_rows if isinstance(bad_rows, int) else 0,
        error=f"{row['error']}" if row.get("error") else None,
    )
