"""Exports in, landing out: what the EMR wrote, parsed once, kept for ever.

`ingest_clinic` reads every file of a clinic's folder that clinic.yaml declares. The
same bytes are never read twice; a file that cannot be read as declared is set aside
whole, with an error that names line, column, what was found and what was expected.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dagster_project.clinic import Clinic, Feed
from dagster_project.ingest.csv_format import Row, read_csv
from dagster_project.ingest.errors import BadFileError
from dagster_project.ingest.landing import Landing, file_id_of, open_quarantines, sighting_id_of
from dagster_project.ingest.uke_format import read_uke

__all__ = ["FileReport", "IngestReport", "ingest_clinic", "open_quarantines"]


@dataclass(frozen=True)
class FileReport:
    """One file of tonight: what became of it. `status` is landed, quarantined or known."""

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


def ingest_clinic(clinic: Clinic, folder: Path, landing_dir: Path, as_of: date) -> IngestReport:
    """Land a clinic's exports and report every file. A bad file never raises."""
    landing = Landing(landing_dir / clinic.clinic_id)
    known = {str(row["sighting_id"]): row for row in landing.sightings()}
    landed = {str(row["file_id"]) for row in known.values() if row["status"] == "landed"}
    reports, unrecognised = [], []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name == "clinic.yaml":
            continue
        feed_name, match = _feed_of(clinic, path.name)
        if match is None:
            unrecognised.append(name)
            continue
        file_id = file_id_of(path)
        row = known.get(sighting_id_of(name, file_id))
        if row is None:
            row = _sight(clinic, feed_name, path, name, file_id, as_of, match)
            _land(clinic, landing, path, row, is_new=file_id not in landed)
            landing.register(row)
            if row["status"] == "landed":
                landed.add(file_id)
            reports.append(_report(row, str(row["status"])))
        else:
            reports.append(_report(row, "known"))
    return IngestReport(tuple(reports), tuple(unrecognised))


def _feed_of(clinic: Clinic, name: str) -> tuple[str, re.Match[str] | None]:
    for feed_name, feed in clinic.feeds.items():
        if match := feed.pattern.fullmatch(name):
            return feed_name, match
    return "", None


def _sight(
    clinic: Clinic,
    feed_name: str,
    path: Path,
    name: str,
    file_id: str,
    as_of: date,
    match: re.Match[str],
) -> dict[str, object]:
    feed = clinic.feeds[feed_name]
    return {
        "sighting_id": sighting_id_of(name, file_id),
        "file_id": file_id,
        "clinic_id": clinic.clinic_id,
        "feed": feed_name,
        "format": feed.format,
        "mode": feed.mode,
        "name": name,
        "exported_on": _exported_on(match, as_of),
        "first_seen_as_of": as_of,
        "encoding": feed.encoding if feed.format == "csv" else "cp932",
        "bytes": path.stat().st_size,
        "rows": 0,
        "bad_rows": 0,
        "status": "landed",
    }


def _exported_on(match: re.Match[str], as_of: date) -> date:
    """Return the day in a file's name; a month means its last day; without either, as_of."""
    parts = match.groupdict()
    try:
        if parts.get("date"):
            return date.fromisoformat(parts["date"])
        if parts.get("month"):
            year, month = int(parts["month"][:4]), int(parts["month"][4:])
            return date(year, month, calendar.monthrange(year, month)[1])
    except ValueError:
        return as_of
    return as_of


def _land(
    clinic: Clinic, landing: Landing, path: Path, row: dict[str, object], *, is_new: bool
) -> None:
    """Store a file's records and note in its row how that went."""
    if not is_new:
        return
    feed = clinic.feeds[str(row["feed"])]
    try:
        stored = landing.store(
            str(row["file_id"]), _read(path, feed, clinic), clinic.limits.max_bad_rows
        )
        row["rows"], row["bad_rows"] = stored
    except BadFileError as error:
        row.update(
            status="quarantined",
            error_line=error.line,
            error_column=error.column,
            error_found=error.found[:40],
            error_expected=error.expected,
            error=str(error),
        )


def _read(path: Path, feed: Feed, clinic: Clinic) -> Iterator[Row | BadFileError]:
    if feed.format == "uke":
        return read_uke(path, clinic.medical_institution_code)
    return read_csv(path, feed)


def _report(row: dict[str, object], status: str) -> FileReport:
    error = f"{row['error']}" if row.get("error") else None
    rows, bad_rows = row["rows"], row["bad_rows"]
    return FileReport(
        feed=str(row["feed"]),
        name=str(row["name"]),
        status=status,
        rows=rows if isinstance(rows, int) else 0,
        bad_rows=bad_rows if isinstance(bad_rows, int) else 0,
        error=error,
    )
