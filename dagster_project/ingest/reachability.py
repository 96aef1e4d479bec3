"""Who may be written to at this moment, from the newest link exports: what the gate asks."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from dagster_project.ingest.landing import Landing, exported_on, open_quarantines

Row = dict[str, object]


def reachable(landing_dir: Path, clinic_id: str, as_of: date) -> set[tuple[str, str, str]]:
    """Return (LINE user, patient, purpose) for everyone who follows and consents.

    Of a full dump only the newest counts: a link that is no longer in it is gone. The
    last word on a link wins, as in stg_line_links. A feed whose newest file could not be
    read gives nobody: it may hold the withdrawal of a consent.
    """
    landing = Landing(landing_dir / clinic_id)
    sightings = landing.sightings()
    unread = {row["feed"] for row in open_quarantines(sightings, as_of)}
    seen = [row for row in sightings if row["status"] == "landed" and exported_on(row) <= as_of]
    links: dict[tuple[str, str], Row] = {}
    for file_id in _current(row for row in seen if row["feed"] not in unread):
        path = landing.folder / "line_links" / f"{file_id}.parquet"
        found: list[Row] = pq.read_table(path).to_pylist() if path.exists() else []
        for row in sorted(found, key=lambda row: int(str(row["line_no"]))):
            if row["linked_on"] is None or str(row["linked_on"]) <= as_of.isoformat():
                links[str(row["line_user_id"]), patient_id(str(row["patient_no"]))] = row
    return {
        (user, patient, purpose)
        for (user, patient), row in links.items()
        if (row["friend_status"] or "following") == "following"
        for purpose in str(row["consent_purposes"] or "").split("|")
        if purpose
    }


def _current(sightings: Iterable[Row]) -> list[str]:
    """Return the files that count, oldest first: every delta, and the newest dump of a feed."""
    newest: dict[tuple[str, str], tuple[date, str, bool]] = {}
    for row in sightings:
        key = (str(row["feed"]), str(row["file_id"]))
        found = (exported_on(row), key[1], row["mode"] == "delta")
        newest[key] = max(found, newest.get(key, found))
    current = []
    for feed in {feed for feed, _ in newest}:
        files = sorted(found for (name, _), found in newest.items() if name == feed)
        current += [each for each in files if each[2] or each is files[-1]]
    return [file_id for _, file_id, _ in sorted(current)]


def patient_id(patient_no: str) -> str:
    """Return a patient number without leading zeros; the twin of the dbt macro of that name."""
    return patient_no.lstrip("0") or "0"
