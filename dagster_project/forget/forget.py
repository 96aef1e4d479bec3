"""Forgetting one person, in an order in which a kill anywhere leaves a job that can be finished.

The hashes are in the ledger first, in the transaction that takes the person out of it: from
then on the door is shut. What lies elsewhere is found by its hash, so whoever finishes the job
needs neither the number nor the accounts.
"""

import fcntl
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Engine

from dagster_project.clinic import Clinic
from dagster_project.forget.accounts import accounts_of
from dagster_project.forget.hashes import Forgotten, make_key
from dagster_project.forget.landed import rows_landed, strip_landing
from dagster_project.forget.published import rows_published, strip_published
from dagster_project.forget.traces import remove_traces
from dagster_project.ingest.landing import Landing
from dagster_project.ingest.reachability import charts_of_one
from dagster_project.ledger import forgotten as known
from dagster_project.ledger.erase import erase, scour
from dagster_project.ledger.store import stamp, writing
from dagster_project.settings import Settings

TAGS = "main.patient_tags"


class UnknownPersonError(Exception):
    """Nobody of that number is on record: perhaps a typing error."""


def forget(
    settings: Settings, engine: Engine, clinic: Clinic, patient: str, by: str, reason: str | None
) -> known.Forgetting:
    """Remove a person everywhere and return the request with what it removed.

    Asked again for the same person it finishes what was begun. Raises UnknownPersonError for a
    number that nothing is known of, and UnderWayError while a message to them is being tried.
    """
    path = settings.forget_key_path()
    already = known.read_forgotten(engine, clinic.clinic_id, path)  # or the key is lost
    who = Forgotten(clinic.clinic_id, make_key(path))
    mine = who.of_patient(patient)
    if mine not in already.hashes:
        _begin(settings, engine, clinic, who, patient, by, reason)
    purge(settings, engine, clinic.clinic_id)
    return [each for each in known.requests(engine, clinic.clinic_id) if each.hash == mine][-1]


def purge(settings: Settings, engine: Engine, clinic_id: str) -> bool:
    """Finish every request that is open; return whether there was one. Twice changes nothing.

    One stays open, for the next run, while somebody's session keeps old pages of the ledger.
    """
    with _alone(settings, clinic_id):
        if all(each.finished_at for each in known.requests(engine, clinic_id)):
            return False
        who = known.read_forgotten(engine, clinic_id, settings.forget_key_path())
        published = settings.published_path(clinic_id)
        strip_landing(Landing(settings.landing_dir() / clinic_id), who)
        remove_traces(settings, who)
        strip_published(published, settings.work_path(clinic_id).parent / "forget", who)
        remove_traces(settings, who)  # a build that began meanwhile has read the old night
        if scour(engine):
            known.finish(engine, clinic_id, settings.now())
        return True


def _begin(
    settings: Settings,
    engine: Engine,
    clinic: Clinic,
    who: Forgotten,
    patient: str,
    by: str,
    reason: str | None,
) -> None:
    landing = Landing(settings.landing_dir() / clinic.clinic_id)
    # Under an old number of theirs, an old export would bring a person back.
    charts = charts_of_one(landing, patient)
    accounts = accounts_of(engine, clinic, landing, charts)
    hashes = {*map(who.of_patient, charts), *map(who.of_account, accounts.alone)}
    whole = Forgotten(who.clinic_id, who.key, frozenset(hashes))
    removed = Counter({"landing": rows_landed(landing, whole)})
    removed += _by_kind(rows_published(settings.published_path(clinic.clinic_id), whole))
    now = settings.now()
    with writing(engine, clinic.clinic_id) as con:
        for chart in sorted(charts):
            removed += erase(con, whole, chart, accounts.alone, stamp(now))
        if not removed:
            raise UnknownPersonError(patient)
        removed["account"] = len(accounts.alone)
        known.add(con, whole, now)
        mine = whole.of_patient(patient)
        request = {"clinic_id": clinic.clinic_id, "hash": mine, "began_at": stamp(now)}
        known.begin(con, {**request, "made_by": by, "reason": reason}, removed)


def _by_kind(rows: Mapping[str, int]) -> Counter[str]:
    return Counter({"tags": rows.get(TAGS, 0), "warehouse": sum(rows.values()) - rows.get(TAGS, 0)})


@contextmanager
def _alone(settings: Settings, clinic_id: str) -> Iterator[None]:
    """Let one at a time finish a clinic's requests; the kernel lets go however it ends."""
    path = settings.data_dir / "work" / f"{clinic_id}.forget.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
