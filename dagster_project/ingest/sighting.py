"""A file as it was met: which feed it belongs to, which day it stands for."""

import calendar
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dagster_project.clinic import Clinic, Feed
from dagster_project.ingest.contract import ROSTERS
from dagster_project.ingest.errors import BadFileError


@dataclass(frozen=True)
class Sighted:
    """One file of a clinic's folder; `feed_name` is None when no feed declares it."""

    path: Path
    name: str  # within the clinic's folder
    feed_name: str | None
    match: re.Match[str] | None

    def exported_on(self, first_seen: date) -> date:
        """Return the day in the name; without one, the day the file was first seen.

        A month means its last day, but not one that lies ahead: the file is there, so what
        it holds is known. Raises BadFileError for a day that does not exist.
        """
        written = self._written("date") or self._written("month")
        if not written:
            return first_seen
        try:
            year, month = int(written[:4]), int(written[4:6])
            last = date(year, month, calendar.monthrange(year, month)[1])
            return last.replace(day=int(written[6:])) if written[6:] else min(last, first_seen)
        except ValueError as error:
            expected = "a day that exists: rename the file"
            raise BadFileError(None, "file name", written, expected) from error

    def period(self, feed: Feed) -> str:
        """Return the YYYYMM that a full dump replaces, blank when it replaces all before it."""
        is_whole = feed.mode == "delta" or any(r.dataset in ROSTERS for r in feed.records)
        return "" if is_whole else self._written("month")

    def _written(self, part: str) -> str:
        return (self.match.groupdict().get(part) or "") if self.match else ""


def sighted_files(clinic: Clinic, folder: Path) -> Iterator[Sighted]:
    """Yield every file under a clinic's folder but clinic.yaml, in the order of their names."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name != "clinic.yaml":
            yield Sighted(path, name, *_feed_of(clinic, path.name))


def _feed_of(clinic: Clinic, name: str) -> tuple[str | None, re.Match[str] | None]:
    composed = unicodedata.normalize("NFC", name)  # a Mac writes プ as two characters
    for feed_name, feed in clinic.feeds.items():
        if match := feed.pattern.fullmatch(composed):
            return feed_name, match
    return None, None


def registry_row(
    clinic: Clinic, feed_name: str, feed: Feed, sighted: Sighted, as_of: date
) -> dict[str, object]:
    """Return a new registry row, before it is known whether the file can be read."""
    return {
        "clinic_id": clinic.clinic_id,
        "feed": feed_name,
        "format": feed.format,
        "mode": feed.mode,
        "period": sighted.period(feed),
        "name": sighted.name,
        "exported_on": as_of,
        "first_seen_as_of": as_of,
        "known_on": as_of,
        "encoding": feed.encoding if feed.format == "csv" else "cp932",
        "bytes": sighted.path.stat().st_size,
        "rows": 0,
        "bad_rows": 0,
        "status": "landed",
    }
