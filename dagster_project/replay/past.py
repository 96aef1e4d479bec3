"""What the published history says of nights gone by: which there were, and what each had.

Read from a copy, as is everything here: a replay may take longer than the file stands.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from dagster_project.publish import Build, build_of

FIRST = (
    "まだ公開された夜がありません: 先に tagline nightly を実行してください"
    " / no published night: run `tagline nightly` first"
)
OLDER = (
    "公開された夜に、それまでの夜の記録がありません: tagline nightly を一度実行すると、その夜から"
    "再現できます / an older version published this: run `nightly`, and replay nights from then on"
)


class ReplayError(Exception):
    """A replay that is not possible; the message says why and what to do."""


@dataclass(frozen=True)
class PastNight:
    """One night of the range; one that was not published has nothing to be compared with."""

    day: date
    settings_version: str | None
    is_published: bool
    built_at: datetime | None = None


@dataclass(frozen=True)
class Past:
    """The published history of one clinic, copied aside."""

    path: Path
    build: Build
    nights: Sequence[PastNight]
    files: Mapping[str, date]  # sighting: the night that first counted it
    overrides: Sequence[tuple[object, ...]]

    def overrides_known_on(self, night: PastNight) -> list[tuple[object, ...]]:
        """Return the rows of `ledger.overrides` as they stood when a night was built.

        What was made or withdrawn later on the same day came after its night. Of a night
        that was not published nobody knows, and the days written on them count.
        """
        return [
            (*row, withdrawn_on if not night.is_published or _by(gone, night.day) else None)
            for *row, withdrawn_on, known_on, gone in self.overrides
            if not night.is_published or _by(known_on, night.day)
        ]


def read_past(published: Path, aside: Path, start: date, end: date) -> Past:
    """Copy a published file and return what it says of the days from start to end.

    The nights are those that were published; where none was, every day up to the last
    published one. Raises ReplayError where there is nothing to go by.
    """
    if start > end:
        raise ReplayError(f"--from {start} は --to {end} より後です / is after --to")
    if not published.exists():
        raise ReplayError(FIRST)
    # Views in it name their tables after the file.
    path = aside / published.name
    shutil.copyfile(published, path)
    with duckdb.connect(str(path), read_only=True) as con:
        build = build_of(con)
        if start > build.as_of:
            raise ReplayError(
                f"公開された最後の夜は {build.as_of} です / that is the last published night"
            )
        try:
            rows = con.execute(
                "select as_of, settings_version, true, built_at from meta.nights"
                " where as_of between ? and ? order by as_of",
                [start, end],
            ).fetchall()
            files = con.execute("select sighting_id, known_on from meta.source_files").fetchall()
            overrides = con.execute(
                "select id, patient_id, tag, action, made_on, expires_on, withdrawn_on,"
                " known_on, withdrawal_known_on from ledger.overrides order by id"
            ).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise ReplayError(OLDER) from error
    nights = [
        PastNight(day, version, is_published, datetime.fromisoformat(built_at))
        for day, version, is_published, built_at in rows
    ]
    if not nights:
        days = (min(end, build.as_of) - start).days + 1
        nights = [PastNight(start + timedelta(days=n), None, False) for n in range(days)]
    return Past(path, build, nights, dict(files), overrides)


def _by(known_on: object, day: date) -> bool:
    return isinstance(known_on, date) and known_on <= day
