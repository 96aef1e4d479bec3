"""How good the data of a published night was: what could not be told, what could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.clinic import Clinic
from dagster_project.clinic import Feed as Declared
from dagster_project.ingest.current import current_files, exported_on, open_quarantines
from dagster_project.ingest.landing import Landing
from dagster_project.insight.shares import Hidden, Share, Shown, share_of

# What each dataset of a clinic.yaml is called; a feed is called after those it holds.
DATASETS_JA = {
    "patients": "患者",
    "visits": "来院",
    "appointments": "予約",
    "conditions": "病名",
    "observations": "検査・健診",
    "immunizations": "接種",
    "line_links": "LINE連携",
    "patient_merges": "カルテの統合",
}
CLAIMS_JA = "レセプト"
UNKNOWN = (
    "select c.label_ja, t.unknown, t.patients from tag_counts t"
    " join tag_catalog c on c.tag = t.tag where t.unknown > 0 order by t.unknown desc, t.tag"
)
ALL_TAGS = "select coalesce(sum(unknown), 0), coalesce(sum(patients), 0) from tag_counts"


@dataclass(frozen=True)
class Feed:
    """One feed: its newest export, and what of it could not be read."""

    name: str
    label_ja: str
    newest_on: date | None  # None where nothing has come
    lag_days: int | None
    quarantined: int  # files that no good one has replaced
    bad_rows: int  # in the files that count


@dataclass(frozen=True)
class Quality:
    """One night's data."""

    feeds: Sequence[Feed]
    unknown: Sequence[tuple[str, Share]]  # by tag, the largest share first
    unknown_of_all: Shown  # of all judgements, one for each patient and tag

    @property
    def quarantined(self) -> int:
        """Return how many files wait to be replaced."""
        return sum(each.quarantined for each in self.feeds)

    @property
    def lag_days(self) -> int | None:
        """Return the age of the newest export of all feeds, None where there is none."""
        return min((f.lag_days for f in self.feeds if f.lag_days is not None), default=None)


def read_quality(
    con: duckdb.DuckDBPyConnection, landing_dir: Path, clinic: Clinic, as_of: date, smallest: int
) -> Quality:
    """Return what a published night says of its tags, and the registry of its files."""
    unknown = [
        (label, share)
        for label, count, patients in con.execute(UNKNOWN).fetchall()
        if isinstance(share := share_of(count, patients, smallest), Share)
    ]
    ((count, of),) = con.execute(ALL_TAGS).fetchall()
    return Quality(
        feeds=_feeds(landing_dir, clinic, as_of),
        unknown=unknown,
        unknown_of_all=share_of(int(count), int(of), smallest, Hidden.NOBODY),
    )


def _feeds(landing_dir: Path, clinic: Clinic, as_of: date) -> list[Feed]:
    sightings = Landing(landing_dir / clinic.clinic_id).sightings()
    current, bad = current_files(sightings, as_of), open_quarantines(sightings, as_of)
    feeds = []
    for name, feed in clinic.feeds.items():
        own = [row for row in current if row["feed"] == name]
        newest = max((exported_on(row) for row in own), default=None)
        feeds.append(
            Feed(
                name=name,
                label_ja=_label(feed),
                newest_on=newest,
                lag_days=(as_of - newest).days if newest else None,
                quarantined=sum(row["feed"] == name for row in bad),
                bad_rows=sum(int(str(row["bad_rows"])) for row in own),
            )
        )
    return feeds


def _label(feed: Declared) -> str:
    held = [DATASETS_JA.get(each.dataset, each.dataset) for each in feed.records]
    return "・".join(dict.fromkeys(held)) or CLAIMS_JA
