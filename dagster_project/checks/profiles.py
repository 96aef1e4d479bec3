"""Profiles: what the checks judge, counted by SQL in the night's own warehouse."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from dagster_project.clinic import Clinic
from dagster_project.ingest.landing import Landing, open_quarantines

SQL = Path(__file__).with_name("sql")
NEVER_STALE = 10_000


def profile_exports(
    con: duckdb.DuckDBPyConnection, clinic: Clinic, landing_dir: Path, as_of: date
) -> pd.DataFrame:
    """Return one row per feed: volumes against its own history, freshness, oddities."""
    sightings = Landing(landing_dir / clinic.clinic_id).sightings()
    quarantined = open_quarantines(sightings, as_of)
    rows = []
    for name, feed in clinic.feeds.items():
        seen = [r for r in sightings if r["feed"] == name and _day(r) <= as_of]
        landed = sorted(
            (r for r in seen if r["status"] == "landed"), key=lambda r: (_day(r), str(r["file_id"]))
        )
        own = [r for r in quarantined if r["feed"] == name]
        # The same bytes again are no new export, whatever the file is called.
        newest, before = _last_two(landed)
        exported_on = _day(newest) if newest else None
        missed = _missed_open_days(clinic, exported_on, as_of)
        rows_before = _rows(before) if before and feed.mode == "full" else 0
        allowed = feed.max_age_open_days
        rows.append(
            {
                "feed": name,
                "exported_on": str(exported_on),
                "rows": _rows(newest) if newest else 0,
                "rows_before": rows_before,
                "rows_floor": int(rows_before * (1 - clinic.limits.max_shrink)),
                "missing": int(feed.required and newest is None),
                "missed_open_days": missed,
                "allowed_open_days": NEVER_STALE if allowed is None else allowed - 1,
                "open_quarantines": len(own),
                "first_error": f"{own[0]['name']}: {own[0]['error']}" if own else "",
                "bad_rows": sum(int(str(r["bad_rows"])) for r in landed),
                **_oddities(con, name, [r.dataset for r in feed.records]),
            }
        )
    return pd.DataFrame(rows)


def _last_two(
    landed: list[dict[str, object]],
) -> tuple[dict[str, object] | None, dict[str, object] | None]:
    """Return the newest content, as first exported, and the different content before it."""
    if not landed:
        return None, None
    file_id = landed[-1]["file_id"]
    at = len(landed) - 1
    while at > 0 and landed[at - 1]["file_id"] == file_id:
        at -= 1
    return landed[at], landed[at - 1] if at else None


def _missed_open_days(clinic: Clinic, exported_on: date | None, as_of: date) -> int:
    """Return the open days strictly between an export and the business day."""
    if exported_on is None:
        return 0
    days = (as_of - exported_on).days
    between = (exported_on + timedelta(days=n) for n in range(1, days))
    return sum(clinic.calendar.is_open(day) for day in between)


def _oddities(con: duckdb.DuckDBPyConnection, feed: str, datasets: list[str]) -> dict[str, int]:
    found = dict.fromkeys(
        ("conflicting_numbers", "future_dates", "unknown_departments", "replaced_characters"), 0
    )
    for dataset in datasets:
        query = (SQL / f"oddities_{dataset}.sql").read_text(encoding="utf-8")
        names = (
            "conflicting_numbers",
            "future_dates",
            "unknown_departments",
            "replaced_characters",
        )
        values = con.execute(query, {"feed": feed}).fetchall()[0]
        for name, value in zip(names, values, strict=True):
            found[name] += int(value or 0)
    return found


def profile(con: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """Return the profile a suite of this name judges: uke, audience or plan."""
    return con.execute((SQL / f"{name}.sql").read_text(encoding="utf-8")).df()


def _day(row: dict[str, object]) -> date:
    return date.fromisoformat(str(row["exported_on"]))


def _rows(row: dict[str, object]) -> int:
    return int(str(row["rows"]))
