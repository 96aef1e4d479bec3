"""Profiles: what the checks judge, counted by SQL in the night's own warehouse."""

from datetime import date, timedelta
from itertools import takewhile
from pathlib import Path

import duckdb
import pandas as pd

from dagster_project.clinic import Clinic
from dagster_project.ingest.current import Row, current_files, exported_on, open_quarantines, order
from dagster_project.ingest.landing import Landing

SQL = Path(__file__).with_name("sql")
NEVER_STALE = 10_000
ODDITIES = (
    "conflicting_numbers",
    "future_dates",
    "unknown_departments",
    "replaced_characters",
    "blank_keys",
    "unlikely_values",
)


def profile_exports(
    con: duckdb.DuckDBPyConnection, clinic: Clinic, landing_dir: Path, as_of: date
) -> pd.DataFrame:
    """Return one row per feed: volumes against its own history, freshness, oddities."""
    sightings = Landing(landing_dir / clinic.clinic_id).sightings()
    quarantined = open_quarantines(sightings, as_of)
    current = current_files(sightings, as_of)
    found = con.execute("select file_id from previous.source_files").fetchall()
    published = {file_id for (file_id,) in found}
    rows = []
    for name, feed in clinic.feeds.items():
        seen = [r for r in sightings if r["feed"] == name and exported_on(r) <= as_of]
        landed = sorted((r for r in seen if r["status"] == "landed"), key=order)
        own = [r for r in quarantined if r["feed"] == name]
        counted = {str(r["file_id"]): int(str(r["bad_rows"])) for r in current if r["feed"] == name}
        newest_on = _first_exported_on(landed)
        allowed = feed.max_age_open_days
        rows.append(
            {
                "feed": name,
                "exported_on": str(newest_on),
                **_volume(landed, clinic.limits.max_shrink, published),
                "missing": int(feed.required and not landed),
                "missed_open_days": _missed_open_days(clinic, newest_on, as_of),
                "allowed_open_days": NEVER_STALE if allowed is None else allowed - 1,
                "open_quarantines": len(own),
                "first_error": f"{own[0]['name']}: {own[0]['error']}" if own else "",
                "bad_rows": sum(counted.values()),
                **_oddities(con, list(counted), [r.dataset for r in feed.records]),
            }
        )
    return pd.DataFrame(rows)


def _first_exported_on(landed: list[Row]) -> date | None:
    """Return the day the newest content was first exported.

    The same bytes again are no new export, whatever the file is called.
    """
    same = list(takewhile(lambda row: row["file_id"] == landed[-1]["file_id"], reversed(landed)))
    return exported_on(same[-1]) if same else None


def _volume(landed: list[Row], max_shrink: float, published: set[str]) -> dict[str, str | int]:
    """Return the rows of the newest dump, and of the one it is to be like.

    Where each month has its dump, those of the month that shrank most.
    """
    periods: dict[str, list[Row]] = {}
    for row in landed:
        periods.setdefault(str(row["period"]), []).append(row)
    found: list[dict[str, str | int]] = []
    for period, rows in periods.items():
        rows_before = _rows_before(rows, published) if rows[-1]["mode"] == "full" else 0
        floor = int(rows_before * (1 - max_shrink))
        sizes = {"rows": _rows(rows[-1]), "rows_before": rows_before, "rows_floor": floor}
        found.append({"period": period, **sizes})
    nothing: dict[str, str | int] = {"period": "", "rows": 0, "rows_before": 0, "rows_floor": 0}
    return min(found, key=lambda each: int(each["rows"]) - int(each["rows_floor"]), default=nothing)


def _rows_before(rows: list[Row], published: set[str]) -> int:
    """Return the rows of the newest other content that was published, or else of any.

    What was stopped is no measure: against it, a file cut off twice would pass.
    """
    others = [row for row in rows if row["file_id"] != rows[-1]["file_id"]]
    known = [row for row in others if row["file_id"] in published]
    return next((_rows(row) for row in reversed(known or others)), 0)


def _missed_open_days(clinic: Clinic, newest_on: date | None, as_of: date) -> int:
    """Return the open days strictly between an export and the business day."""
    if newest_on is None:
        return 0
    days = (as_of - newest_on).days
    between = (newest_on + timedelta(days=n) for n in range(1, days))
    return sum(clinic.calendar.is_open(day) for day in between)


def _oddities(
    con: duckdb.DuckDBPyConnection, files: list[str], datasets: list[str]
) -> dict[str, int]:
    found = dict.fromkeys(ODDITIES, 0)
    for dataset in datasets:
        query = (SQL / f"oddities_{dataset}.sql").read_text(encoding="utf-8")
        values = con.execute(query, {"files": files}).fetchall()[0]
        for name, value in zip(ODDITIES, values, strict=True):
            found[name] += int(value or 0)
    return found


def profile(con: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """Return the profile a suite of this name judges: uke, audience or plan."""
    return con.execute((SQL / f"{name}.sql").read_text(encoding="utf-8")).df()


def _rows(row: Row) -> int:
    return int(str(row["rows"]))
