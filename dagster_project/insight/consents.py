"""`tagline explain PATIENT --consents`: what was agreed to and withdrawn, each with its proof.

Of the chat that is the event: when it was, by which channel, under which id of LINE's, and the
version of the wording that was shown. Of the clinic's list it is the file and line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from dagster_project.clinic import Clinic
from dagster_project.conversation.events import Event, in_order
from dagster_project.conversation.fold import fold
from dagster_project.conversation.script import Script
from dagster_project.conversation.taps import CONSENT
from dagster_project.conversation.words import words
from dagster_project.ingest.reachability import patient_id
from dagster_project.insight.source_files import files_of, named
from dagster_project.ledger.conversation import events_of
from dagster_project.ledger.store import open_existing
from dagster_project.publish import reading_published
from dagster_project.settings import TOKYO, Settings

LISTED = (
    "select l.line_user_id, l.consent_purposes, l.consented_on, l.consent_version,"
    f" {named('l')} || ':' || l.line_no from stg_line_links l{files_of('l')}"
    " where l.patient_id = ? order by l.line_user_id"
)


@dataclass(frozen=True)
class Proof:
    """One purpose agreed to or withdrawn: when, how, by which wording, and where that is kept."""

    line_user_id: str
    purpose: str
    is_granted: bool
    at: str
    how: str
    version: str
    record: str


def show_consents(settings: Settings, clinic: Clinic, patient: str, console: Console) -> bool:
    """Print the consents of a patient's accounts, and return whether there is any account."""
    found = consents_of(settings, clinic, patient)
    if found is None:
        return False
    console.rule(clinic.clinic_id)
    table = Table("アカウント", "目的", "", "いつ", "どのように", "文面の版", "記録", box=None)
    for each in found:
        label = words().purposes.get(each.purpose, each.purpose)
        answer = "同意" if each.is_granted else "撤回"
        user = f"{each.line_user_id[:8]}…"
        table.add_row(user, label, answer, each.at, each.how, each.version, each.record)
    console.print(table if found else "同意はありません / no consent was ever given")
    return True


def consents_of(settings: Settings, clinic: Clinic, patient: str) -> list[Proof] | None:
    """Return every consent and withdrawal of the accounts linked to a patient, as they happened.

    None where nobody is linked tonight. Raises OtherLayoutError.
    """
    with reading_published(settings.published_path(clinic.clinic_id)) as con:
        links = con.execute(LISTED, [patient_id(patient.strip())]).fetchall()
    ledger = open_existing(settings.ledger())
    proofs: list[Proof] = []
    for user, purposes, on_day, version, record in links:
        said = said_in_chat(events_of(ledger, clinic.clinic_id, user) if ledger else ())
        chat = [_of_chat(user, clinic, *each) for each in said]
        told = {each.purpose for each in chat if each.is_granted}
        proofs += [
            Proof(user, each, True, str(on_day or ""), "医院の一覧", version or "", record)
            for each in (purposes.split("|") if purposes else ())
            if each not in told
        ]
        proofs += chat
    return proofs if links else None


def said_in_chat(events: Iterable[Event]) -> list[tuple[Event, str, bool, str]]:
    """Return the event, purpose, answer and version of each change of one account's consents."""
    telling = [each for each in in_order(events) if _tells(each)]
    found = []
    for number, event in enumerate(telling, 1):
        consents = fold(telling[:number], {}, Script())[event.line_user_id].consents
        found += [
            (event, purpose, said.is_granted, said.version)
            for purpose, said in consents.items()
            if said.event_id == event.event_id
        ]
    return found


def _tells(event: Event) -> bool:
    if event.kind == "message":
        return any(words().means(event.said, each) for each in ("stop", "unlink"))
    is_tap = event.kind == "postback" and CONSENT.fullmatch(event.said)
    return bool(is_tap) or event.kind in {"follow", "unfollow"}


def _of_chat(
    user: str, clinic: Clinic, event: Event, purpose: str, is_granted: bool, version: str
) -> Proof:
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC).astimezone(TOKYO)
    how = {"unfollow": "ブロック", "postback": "タップ"}.get(event.kind, "")
    how = how or ("「配信停止」" if words().means(event.said, "stop") else "「連携解除」")
    where = f"LINE {clinic.line.channel} {how}"
    moment = f"{at:%Y-%m-%d %H:%M:%S}"
    return Proof(user, purpose, is_granted, moment, where, version, event.event_id)
