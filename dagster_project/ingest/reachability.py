"""Who may be written to at this moment, from the newest link exports: what the gate asks."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from dagster_project.clinic import Clinic
from dagster_project.ingest.current import Row, current_files, open_quarantines
from dagster_project.ingest.landing import Landing
from dagster_project.ledger.chat_snapshot import NOTHING_SAID, Chat

MERGES_IN_A_ROW = 4


def reachable(
    landing_dir: Path, clinic: Clinic, as_of: date, chat: Chat = NOTHING_SAID
) -> set[tuple[str, str, str]] | None:
    """Return (LINE user, patient, purpose) for everyone who follows and consents.

    Of a full dump only the newest counts: a link that is no longer in it is gone. The
    last word on a link wins, as in stg_line_links, and what an account said in the chat
    goes before what a list says of it. None where a newest link export could
    not be read: it may hold the withdrawal of a consent, so nobody's is known.
    """
    landing = Landing(landing_dir / clinic.clinic_id)
    # What a feed once said counts no longer when clinic.yaml has no such feed any more.
    sightings = [row for row in landing.sightings() if row["feed"] in clinic.feeds]
    if is_unread(clinic, sightings, "line_links", as_of):
        return None
    files = current_files(sightings, as_of)
    merges = merges_in(landing, files, as_of)
    links: dict[tuple[str, str], Row] = {}
    for row in _rows(landing, files, "line_links", "linked_on", as_of):
        chart = chart_now(merges, patient_id(str(row["patient_no"])))
        links[str(row["line_user_id"]), chart] = row
    linked = {(user, chart_now(merges, patient)) for user, patient, *_ in chat.links}
    return _after_the_chat(links, linked, chat, as_of)


def charts_of_one(landing: Landing, chart: str) -> set[str]:
    """Return a chart with all that are one with it, by every merge the newest exports know."""
    merges = merges_in(landing, current_files(landing.sightings(), date.max), date.max)
    charts = {chart}
    while more := {each for pair in merges.items() if charts & set(pair) for each in pair} - charts:
        charts |= more
    return charts


def is_unread(clinic: Clinic, sightings: Sequence[Row], dataset: str, as_of: date) -> bool:
    """Return whether a newest export that holds rows of a dataset could not be read."""
    unread = {str(row["feed"]) for row in open_quarantines(sightings, as_of)}
    return any(each.dataset == dataset for name in unread for each in clinic.feeds[name].records)


def merges_in(landing: Landing, files: Sequence[Row], as_of: date) -> dict[str, str]:
    """Return which chart was merged into which other, as the newest exports have it on a day."""
    return {
        patient_id(str(row["patient_no"])): patient_id(str(row["into_patient_no"]))
        for row in _rows(landing, files, "patient_merges", "merged_on", as_of)
        if row["into_patient_no"] is not None
    }


def _rows(
    landing: Landing, files: Sequence[Row], dataset: str, day: str, as_of: date
) -> Iterator[Row]:
    """Yield what the current files say of a dataset up to a day, the last word last."""
    for file in files:
        path = landing.folder / dataset / f"{file['file_id']}.parquet"
        found: list[Row] = pq.read_table(path).to_pylist() if path.exists() else []
        for row in sorted(found, key=lambda row: int(str(row["line_no"]))):
            if row[day] is None or str(row[day]) <= as_of.isoformat():
                yield row


def chart_now(merges: Mapping[str, str], chart: str) -> str:
    """Return the chart that one was merged into, as stg_patient_merges has it."""
    for _ in range(MERGES_IN_A_ROW):
        chart = merges.get(chart, chart)
    return chart


def _after_the_chat(
    links: dict[tuple[str, str], Row], linked: set[tuple[str, str]], chat: Chat, as_of: date
) -> set[tuple[str, str, str]]:
    following = {user: is_following for user, is_following, _ in chat.accounts}
    unlinked_on = {user: day for user, _, day in chat.accounts}
    said = {(user, purpose): (yes, day) for user, purpose, yes, day, _, _ in chat.consents}
    granted = {key for key, (yes, _) in said.items() if yes}
    found = {
        (user, patient, purpose)
        for user, patient in linked
        for who, purpose in granted
        if who == user and following.get(user) is not False
    }
    for (user, patient), row in links.items():
        gone_on, linked_on = unlinked_on.get(user), row["linked_on"]
        is_gone = gone_on is not None and (linked_on is None or str(linked_on) <= str(gone_on))
        heard = following.get(user)
        is_following = (row["friend_status"] or "following") == "following"
        if not (is_following if heard is None else heard) or is_gone or (user, patient) in linked:
            continue
        consented_on = str(row["consented_on"] or "")
        listed = str(row["consent_purposes"] or "").split("|")
        purposes = {each for each in listed if each and consented_on <= as_of.isoformat()}
        late = {each for each in purposes if _is_withdrawn(said.get((user, each)), consented_on)}
        found |= {(user, patient, each) for each in purposes - late}
        found |= {(user, patient, each) for who, each in granted if who == user}
    return found


def _is_withdrawn(said: tuple[bool, date] | None, consented_on: str) -> bool:
    """Return whether a withdrawal in the chat is as late as the consent of a list, or later."""
    return said is not None and not said[0] and consented_on <= str(said[1])


def patient_id(patient_no: str) -> str:
    """Return a patient number without leading zeros; the twin of the dbt macro of that name."""
    return patient_no.lstrip("0") or "0"
