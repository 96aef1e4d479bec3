"""Who came lately, from the newest exports: what the gate asks, for the night's may be older."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from dagster_project.clinic import Clinic
from dagster_project.ingest.current import Row, current_files
from dagster_project.ingest.landing import Landing
from dagster_project.ingest.reachability import patient_id


def last_visits(landing_dir: Path, clinic: Clinic, as_of: date, days: int) -> dict[str, date]:
    """Return the last day each patient came, of those who came within so many days of a day.

    Reads the reception lists only: claims come once a month, and tell of the month before.
    """
    landing = Landing(landing_dir / clinic.clinic_id)
    sightings = [row for row in landing.sightings() if row["feed"] in clinic.feeds]
    since = as_of - timedelta(days=days)
    found: dict[str, date] = {}
    for file in current_files(sightings, as_of):
        path = landing.folder / "visits" / f"{file['file_id']}.parquet"
        rows: list[Row] = pq.read_table(path).to_pylist() if path.exists() else []
        for row in rows:
            day = row["visited_on"]
            if isinstance(day, date) and since < day <= as_of and row["status"] != "cancelled":
                patient = patient_id(str(row["patient_no"]))
                found[patient] = max(day, found.get(patient, day))
    return found
