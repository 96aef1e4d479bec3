"""Who may be written to at this moment, from the newest link export: what the gate asks."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from dagster_project.delivery.gate import Consent
from dagster_project.ingest.landing import Landing


def reachable(landing_dir: Path, clinic_id: str, as_of: date) -> set[Consent]:
    """Return (LINE user, patient, purpose) for everyone who follows and consents.

    Only the newest dump that has links counts: a link that is no longer in it is gone.
    """
    landing = Landing(landing_dir / clinic_id)
    dumps = [
        (str(row["exported_on"]), str(row["file_id"]))
        for row in landing.sightings()
        if row["status"] == "landed" and str(row["exported_on"]) <= as_of.isoformat()
    ]
    folder = landing.folder / "line_links"
    for _, file_id in sorted(dumps, reverse=True):
        path = folder / f"{file_id}.parquet"
        if path.exists():
            return {
                (row["line_user_id"], patient_id(row["patient_no"]), purpose)
                for row in pq.read_table(path).to_pylist()
                if (row["friend_status"] or "following") == "following"
                for purpose in (row["consent_purposes"] or "").split("|")
            }
    return set()


def patient_id(patient_no: str) -> str:
    """Return a patient number without leading zeros; the twin of the dbt macro of that name."""
    return patient_no.lstrip("0") or "0"
