"""Which LINE accounts go with a patient: those that are linked to nobody else."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow.parquet as pq
from sqlalchemy import Engine, select

from dagster_project.clinic import Clinic
from dagster_project.conversation.script import Script
from dagster_project.ingest.current import current_files
from dagster_project.ingest.landing import Landing
from dagster_project.ingest.reachability import patient_id
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.store import reading
from dagster_project.ledger.tables import intent, intent_patient


@dataclass(frozen=True)
class Accounts:
    """The accounts that are this person's alone, and how many others share the chart."""

    alone: frozenset[str]
    shared: int


def accounts_of(
    engine: Engine, clinic: Clinic, landing: Landing, charts: Collection[str]
) -> Accounts:
    """Return the accounts that were ever linked to a patient's charts or written to for them.

    A parent's account that also hears of another child stays: it is that child's too.
    """
    theirs = set(charts)
    chat = {
        user: set(each.links)
        for user, each in accounts(engine, clinic.clinic_id, date.max, Script()).items()
    }
    listed = list(_listed(landing))
    ever = {user for user, chart, _ in listed if chart in theirs}
    ever |= {user for user, linked in chat.items() if linked & theirs}
    ever |= _in_ledger(engine, clinic.clinic_id, theirs)
    others = {user for user, chart, is_current in listed if is_current and chart not in theirs}
    others |= {user for user, linked in chat.items() if linked - theirs}
    return Accounts(frozenset(ever - others), len(ever & others))


def _listed(landing: Landing) -> Iterator[tuple[str, str, bool]]:
    """Yield each link of a list as (account, patient, whether the list counts today)."""
    current = {row["file_id"] for row in current_files(landing.sightings(), date.max)}
    for path in sorted((landing.folder / "line_links").glob("*.parquet")):
        for row in pq.read_table(path, columns=["line_user_id", "patient_no"]).to_pylist():
            yield row["line_user_id"], patient_id(row["patient_no"]), path.stem in current


def _in_ledger(engine: Engine, clinic_id: str, charts: Collection[str]) -> set[str]:
    """Return who was written to for a patient, or sent a code of theirs."""
    written = (
        select(intent_patient.c.line_user_id)
        .join(
            intent,
            (intent.c.occurrence_id == intent_patient.c.occurrence_id)
            & (intent.c.line_user_id == intent_patient.c.line_user_id),
        )
        .where(intent.c.clinic_id == clinic_id, intent_patient.c.patient_id.in_(charts))
    )
    codes = (
        select(link_code.c.digest)
        .join(link_code_patient)
        .where(link_code.c.clinic_id == clinic_id, link_code_patient.c.patient_id.in_(charts))
    )
    sent = select(line_event.c.line_user_id).where(
        line_event.c.clinic_id == clinic_id, line_event.c.code_digest.in_(codes)
    )
    with reading(engine) as con:
        return {*con.execute(written).scalars(), *con.execute(sent).scalars()}
