"""What each clinic's published night counts for every tag, and how it moved over thirty nights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from dagster_project.publish import build_of

NIGHTS = 30


@dataclass(frozen=True)
class ClinicCount:
    """One tag at one clinic, as published: how many, who came and went, and the trend."""

    clinic_id: str
    as_of: date
    patients: int
    has: int
    unknown: int
    gained: int
    lost: int
    rule_version: str | None
    trend: Sequence[int]  # who held it, day by day, the published day last
    rule_changed_on: Sequence[date] = ()  # days of the trend on which another rule decided


def clinic_counts(clinic_id: str, published: Path) -> dict[str, ClinicCount]:
    """Return the counts of each tag in a published warehouse; nothing before its first night.

    Raises duckdb.Error where an older Tagline published it, in another shape.
    """
    if not published.exists():
        return {}
    with duckdb.connect(str(published), read_only=True) as con:
        as_of = build_of(con).as_of
        rows = con.execute(
            "select tag, patients, has, unknown, gained, lost, rule_version from tag_counts"
        ).fetchall()
        trends = _trends(_moves(con), as_of)
        changes = _rule_changes(con)
    found = {}
    for tag, patients, has, unknown, gained, lost, version in rows:
        trend = trends.get(tag, [has])
        first = as_of - timedelta(len(trend) - 1)
        found[tag] = ClinicCount(
            clinic_id=clinic_id,
            as_of=as_of,
            patients=patients,
            has=has,
            unknown=unknown,
            gained=gained,
            lost=lost,
            rule_version=version,
            trend=trend,
            rule_changed_on=[day for day in changes.get(tag, []) if day >= first],
        )
    return found


def _rule_changes(con: duckdb.DuckDBPyConnection) -> dict[str, list[date]]:
    """Return the days on which each tag was decided by another rule than the night before."""
    rows = con.execute(
        "select tag, list(on_day order by on_day)[2:] from meta.rule_history group by tag"
    ).fetchall()
    return dict(rows)


def _moves(con: duckdb.DuckDBPyConnection) -> list[tuple[str, date, int]]:
    return con.execute(
        "select tag, on_day, sum(step)::bigint from ("
        " select tag, held_from as on_day, 1 as step from tag_history"
        " union all select tag, held_to, -1 from tag_history where held_to is not null"
        ") group by tag, on_day"
    ).fetchall()


def _trends(moves: Sequence[tuple[str, date, int]], as_of: date) -> Mapping[str, list[int]]:
    """Return the holders of each tag on each of the last days the clinic has a history of."""
    first = max(min((day for _, day, _ in moves), default=as_of), as_of - timedelta(NIGHTS - 1))
    days = [first + timedelta(n) for n in range((as_of - first).days + 1)]
    trends: dict[str, list[int]] = {}
    for tag, day, step in moves:
        held = trends.setdefault(tag, [0] * len(days))
        for at, each in enumerate(days):
            if day <= each:
                held[at] += step
    return trends
