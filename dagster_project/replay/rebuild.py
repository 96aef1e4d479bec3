"""The nights of a range, one upon the other, in a scratch folder that is gone afterwards."""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from dagster_project import transform
from dagster_project.clinic import Clinic
from dagster_project.conversation.script import script_of
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.store import open_ledger
from dagster_project.prepare import Night, prepare, settings_version
from dagster_project.publish import Build
from dagster_project.replay.compare import NightCheck, compare
from dagster_project.replay.landing import lay_out_landing
from dagster_project.replay.past import Past, PastNight, ReplayError, read_past
from dagster_project.rules import rules_of
from dagster_project.settings import TOKYO, Settings

# Whether the data was sound was judged then: only what tags are made of is built.
SELECTION = ("--select", "+tag_history", "--exclude-resource-type", "test")


def replay(settings: Settings, clinic: Clinic, start: date, end: date) -> Iterator[NightCheck]:
    """Yield each night from start to end as it comes out today, beside what was published.

    A night's history continues from the replayed night before it; the first one's from what
    was published. Nothing but a scratch folder is written. Raises ReplayError, or DbtError.
    """
    data = settings.data_dir.resolve()
    with TemporaryDirectory(dir=data, prefix="replay-") as name:
        scratch = Path(name)
        (scratch / "history").mkdir()
        published = settings.published_path(clinic.clinic_id)
        past = read_past(published, scratch / "history", start, end)
        landing = settings.landing_dir() / clinic.clinic_id
        lay_out_landing(landing, scratch / "landing" / clinic.clinic_id, past)
        before = scratch / "before.duckdb"
        _history_before(past, before)
        for night in past.nights:
            built = scratch / f"{night.day}.duckdb"
            _build(settings, clinic, past, night, scratch / "landing", before, built)
            yield compare(past, night, built, settings_version(clinic))
            before.unlink()
            before = built


def _build(
    settings: Settings,
    clinic: Clinic,
    past: Past,
    night: PastNight,
    landing: Path,
    before: Path,
    built: Path,
) -> None:
    target = settings.dbt_target_dir()
    ledger = open_ledger(settings.ledger())
    script, _ = script_of(settings.exports_dir / clinic.clinic_id)
    at = datetime.combine(night.day, time(), TOKYO)
    given = Night(
        Build(clinic.clinic_id, f"replay-{night.day}", night.day, at),
        clinic,
        landing_dir=landing,
        last_night=before,
        rules=rules_of(transform.parse(settings.dbt_dir, target)),
        overrides=past.overrides_known_on(night),
        chat=snapshot(accounts(ledger, clinic.clinic_id, night.day, script, night.built_at)),
        choices=script.choices(),
    )
    # dbt names the database after the file: the same for every night, or each would be parsed.
    work = built.parent / "work" / "warehouse.duckdb"
    prepare(work, given)
    results = transform.build(settings.dbt_dir, target, work, night.day, SELECTION)
    bad = [f"{node.unique_id}: {node.status}" for node in results if not node.is_ok]
    if bad or not results:
        said = "; ".join(bad[:3]) or "nothing was built"
        raise ReplayError(f"{night.day}: 再現できません / cannot be rebuilt: {said}")
    work.replace(built)


def _history_before(past: Past, path: Path) -> None:
    """Write what was published of the days before the first night: all that it continues from."""
    with duckdb.connect(str(path)) as con:
        con.execute(f"attach '{past.path}' as published (read_only)").fetchall()
        con.execute(
            "create table tag_events as from published.main.tag_events where on_day < ?",
            [past.nights[0].day],
        ).fetchall()
