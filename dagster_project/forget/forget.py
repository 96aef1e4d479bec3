"""Forgetting one person, in an order in which a kill anywhere leaves a job that can be finished.

The hashes are in the ledger first, in the transaction that takes the person out of it: from
then on the door is shut. At its end the request is on the roll, so that a ledger from a backup
of before hears of it. What lies elsewhere is found by its hash, so whoever finishes the job
needs neither the number nor the accounts.
"""

import fcntl
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from sqlalchemy import Engine

from dagster_project.clinic import Clinic
from dagster_project.forget.accounts import accounts_of
from dagster_project.forget.hashes import Forgotten, make_key, read_key
from dagster_project.forget.landed import rows_landed, strip_landing
from dagster_project.forget.published import rows_published, strip_published
from dagster_project.forget.roll import enrol, roll_beside, unknown_to, whole_of
from dagster_project.forget.traces import remove_traces
from dagster_project.ingest.landing import Landing
from dagster_project.ingest.reachability import charts_of_one
from dagster_project.ledger import forgotten as known
from dagster_project.ledger.erase import UnderWayError, erase, named_in, scour
from dagster_project.ledger.store import stamp, writing
from dagster_project.publish import read_build
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
    known.read_forgotten(engine, clinic.clinic_id, path)  # or the key is lost
    who = Forgotten(clinic.clinic_id, make_key(path))
    mine = who.of_patient(patient)
    purge(settings, engine, clinic.clinic_id)  # before it is asked who is forgotten already
    if mine not in known.read_forgotten(engine, clinic.clinic_id, path).hashes:
        _begin(settings, engine, clinic, who, patient, by, reason)
    purge(settings, engine, clinic.clinic_id)
    return [each for each in known.requests(engine, clinic.clinic_id) if each.hash == mine][-1]


def purge(settings: Settings, engine: Engine, clinic_id: str) -> bool:
    """Finish every request that is open; return whether there was one. Twice changes nothing.

    One that the ledger does not know, being from a backup of before, is open again. One stays
    open, for the next run, while somebody's session keeps old pages of the ledger. Raises
    LostKeyError where nobody can tell of whom a request is.
    """
    with _alone(settings, clinic_id):
        _begin_again(settings, engine, clinic_id)
        if all(each.finished_at for each in known.requests(engine, clinic_id)):
            return False
        who = known.read_forgotten(engine, clinic_id, settings.forget_key_path())
        strip_landing(Landing(settings.landing_dir() / clinic_id), who)
        remove_traces(settings, who)
        _strip_published(settings, who)
        remove_traces(settings, who)  # a build that began meanwhile has read the old night
        if scour(engine):
            known.finish(engine, clinic_id, settings.now())
        return True


def purge_older_night(settings: Settings, engine: Engine, clinic_id: str) -> bool:
    """Strip a published file that was built before a request: somebody put back an old one.

    Return whether that was so. The next night is built after it, and is not looked at again.
    """
    build = read_build(settings.published_path(clinic_id))
    ends = [each.finished_at for each in known.requests(engine, clinic_id) if each.finished_at]
    if build is None or not ends or stamp(build.built_at) > max(ends):
        return False
    with _alone(settings, clinic_id):
        who = known.read_forgotten(engine, clinic_id, settings.forget_key_path())
        return _strip_published(settings, who)


def _strip_published(settings: Settings, who: Forgotten) -> bool:
    aside = settings.work_path(who.clinic_id).parent / "forget"
    return strip_published(settings.published_path(who.clinic_id), aside, who)


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
    removed = _outside_the_ledger(settings, whole)
    now = settings.now()
    with writing(engine, clinic.clinic_id) as con:
        for chart in sorted(charts):
            removed += erase(con, whole, chart, accounts.alone, stamp(now))
        if not removed:
            raise UnknownPersonError(patient)
        removed["account"] = len(accounts.alone)
        known.add(con, whole, now)
        request = {
            "clinic_id": clinic.clinic_id,
            "hash": whole.of_patient(patient),
            "began_at": stamp(now),
            "made_by": by,
        }
        known.begin(con, {**request, "reason": reason}, removed)
        # Last: whatever was refused above never was a request.
        enrol(roll_beside(settings.forget_key_path()), whole, request)


def _begin_again(settings: Settings, engine: Engine, clinic_id: str) -> None:
    """Open each request that the ledger does not know, for whomever in it has one of its hashes.

    While a message to them is being tried that is left to a later run.
    """
    roll = roll_beside(settings.forget_key_path())
    for entry in unknown_to(roll, clinic_id, _requested(engine, clinic_id)):
        whole = whole_of(entry, read_key(settings.forget_key_path()), roll)
        removed = _outside_the_ledger(settings, whole)
        now = settings.now()
        with suppress(UnderWayError), writing(engine, clinic_id) as con:
            if (entry.hash, entry.began_at) in _requested(engine, clinic_id):
                continue  # it was on the roll a moment before it was in the ledger
            charts, accounts = named_in(con, whole)
            for chart in sorted(charts) or [""]:  # of some, the ledger knows the account alone
                removed += erase(con, whole, chart, accounts, stamp(now))
            removed["account"] = len(accounts)
            known.add(con, whole, now)
            request = {name: getattr(entry, name) for name in ("clinic_id", "hash", "began_at")}
            known.begin(con, {**request, "made_by": entry.made_by, "reason": None}, removed)


def _requested(engine: Engine, clinic_id: str) -> set[tuple[str, str]]:
    return {(each.hash, each.began_at) for each in known.requests(engine, clinic_id)}


def _outside_the_ledger(settings: Settings, whole: Forgotten) -> Counter[str]:
    """Return how many rows name a person in landing and in the published night."""
    landed = rows_landed(Landing(settings.landing_dir() / whole.clinic_id), whole)
    published = rows_published(settings.published_path(whole.clinic_id), whole)
    return Counter({"landing": landed}) + _by_kind(published)


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
