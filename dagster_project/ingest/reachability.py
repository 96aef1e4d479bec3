"""Who may be written to at this moment, from the newest link exports: what the gate asks."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from dagster_project.clinic import Clinic
from dagster_project.ingest.current import Row, current_files, open_quarantines
from dagster_project.ingest.landing import Landing


def reachable(landing_dir: Path, clinic: Clinic, as_of: date) -> set[tuple[str, str, str]] | None:
    """Return (LINE user, patient, purpose) for everyone who follows and consents.

    Of a full dump only the newest counts: a link that is no longer in it is gone. The
    last word on a link wins, as in stg_line_links. None where a newest link export could
    not be read: it may hold the withdrawal of a consent, so nobody's is known.
    """
    landing = Landing(landing_dir / clinic.clinic_id)
    # What a feed once said counts no longer when clinic.yaml has no such feed any more.
    sightings = [row for row in landing.sightings() if row["feed"] in clinic.feeds]
    unread = {str(row["feed"]) for row in open_quarantines(sightings, as_of)}
    if any(each.dataset == "line_links" for name in unread for each in clinic.feeds[name].records):
        return None
    links: dict[tuple[str, str], Row] = {}
    for file in current_files(sightings, as_of):
        path = landing.folder / "line_links" / f"{file['file_id']}.parquet"
        found: list[Row] = pq.read_table(path).to_pylist() if path.exists() else []
        for row in sorted(found, key=lambda row: int(str(row["line_no"]))):
            if row["linked_on"] is None or str(row["linked_on"]) <= as_of.isoformat():
                links[str(row["line_user_id"]), patient_id(str(row["patient_no"]))] = row
    return {
        (user, patient, purpose)
        for (user, patient), row in links.items()
        if (row["friend_status"] or "following") == "following"
        and (row["consented_on"] is None or str(row["consented_on"]) <= as_of.isoformat())
        for purpose in str(row["consent_purposes"] or "").split("|")
        if purpose
    }


def patient_id(patient_no: str) -> str:
    """Return a patient number without leading zeros; the twin of the dbt macro of that name."""
    return patient_no.lstrip("0") or "0"
