"""What one clinic's night came to, read from what was published, landed and sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.publish import Build, build_of, reading_published


@dataclass(frozen=True)
class TagCount:
    """One tag: how many hold it, how many came and went, how many cannot be told.

    Who came and went did so by an edited rule, or because of themselves: `is_rule_changed` tells.
    """

    tag: str
    label_ja: str
    has: int
    gained: int
    lost: int
    unknown: int
    is_rule_changed: bool


@dataclass(frozen=True)
class WaterfallStep:
    """One reason of one campaign, in the order they are applied, and the patients it took."""

    campaign: str
    label_ja: str
    reason: str
    reason_ja: str
    patients: int


@dataclass(frozen=True)
class PublishedNight:
    """What the published warehouse of a clinic says."""

    build: Build
    patients: int
    tags: Sequence[TagCount]
    waterfall: Sequence[WaterfallStep]

    def is_stale(self, as_of: date) -> bool:
        """Return whether this is not the business day's own night."""
        return self.build.as_of != as_of


def read_published(path: Path) -> PublishedNight | None:
    """Return what is published for a clinic, or None before its first night.

    Raises OtherLayoutError for a night that another version of us published.
    """
    if not path.exists():
        return None
    with reading_published(path) as con:
        (patients,) = con.execute("select count(*) from patients_today").fetchall()[0]
        tags = con.execute(
            "select c.tag, k.label_ja, c.has, c.gained, c.lost, c.unknown, c.is_rule_changed"
            " from tag_counts c join tag_catalog k on k.tag = c.tag order by k.family, c.tag"
        ).fetchall()
        return PublishedNight(
            build=build_of(con),
            patients=int(patients),
            tags=[TagCount(*row) for row in tags],
            waterfall=read_waterfall(con),
        )


def read_waterfall(con: duckdb.DuckDBPyConnection) -> list[WaterfallStep]:
    """Return a warehouse's decisions by campaign and reason, in the order they are applied."""
    rows = con.execute(
        "select w.campaign, c.label_ja, w.reason, r.label_ja, w.patients"
        " from delivery_waterfall w join campaigns c on c.campaign = w.campaign"
        " join decision_reasons r on r.reason = w.reason"
        " order by c.priority, w.campaign, w.rank"
    ).fetchall()
    return [WaterfallStep(*row) for row in rows]
