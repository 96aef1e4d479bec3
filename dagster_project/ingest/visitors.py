"""Who came lately, from the newest exports: what the gate asks, for the night's may be older."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from dagster_project.clinic import Clinic
from dagster_project.ingest.current import Row, current_files
from dagster_project.ingest.landing import Landing
from dagster_project.ingest.reachability import chart_now, is_unread, merges_in, patient_id


def last_visits(
    landing_dir: Path, clinic: Clinic, as_of: date, days: int
) -> dict[str, date] | None:
    """Return the last day each patient came, of those who came within so many days of a day.

    Reads the reception lists only: claims come once a month, and tell of the month before.
    None where a newest list could not be read: anybody may be in it. A visit to a chart that
    was merged is one to the chart it went into.
    """
    landing = Landing(landing_dir / clinic.clinic_id)
    sightings = [row for row in landing.sightings() if row["feed"] in clinic.feeds]
    if is_unread(clinic, sightings, "visits", as_of):
        return None
    since = as_of - timedelta(days=days)
    files = current_files(sightings, as_of)
    merges = merges_in(landing, files, as_of)
    found: dict[str, date] = {}
    for file in files:
        path = landing.folder / "visits" / f"{file['file_id']}.parquet"
        rows: list[Row] = pq.read_table(path).to_pylist() if path.exists() else []
        for row in rows:
            day = row["visited_on"]
            if isinstance(day, date) and since < day <= as_of and row["status"] != "cancelled":
                patient = chart_now(merges, patient_id(str(row["patient_no"])))
                found[patient] = max(day, found.get(patient, day))
    return found
