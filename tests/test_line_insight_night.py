"""LINE's statistics as a night reads them: into the published file, and never in its way."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from clinic_builder import user
from delivery_fixtures import Night as Sent
from delivery_fixtures import ready
from nights import MONDAY, World, at, written_to
from sqlalchemy import select

from dagster_project.assets.asked import asked_assets
from dagster_project.assets.partitions import clinic_partitions
from dagster_project.ledger.statistic_tables import unit_statistic
from dagster_project.ledger.store import open_ledger, reading
from dagster_project.settings import Settings
from dagster_project.simulator import RunningSimulator, start

WEDNESDAY = date(2026, 6, 3)
NOBODY = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start(now=at(MONDAY, 10, 5)) as running:
        yield running


def ask(settings: Settings) -> dict[str, Any]:
    """Run the one step for the clinic, and return what it tells of itself."""
    done = dg.materialize(
        asked_assets(clinic_partitions(settings)),
        selection=["line_insight"],
        partition_key="aozora",
        resources={"settings": settings},
    )
    (told,) = done.asset_materializations_for_node("line_insight")
    return {name: value.value for name, value in told.metadata.items()}


@pytest.mark.long
def test_the_night_shows_what_line_counted(
    tmp_path: Path, parsed: Path, simulator: RunningSimulator
) -> None:
    world = World(tmp_path / "world", simulator, parsed)
    lapsed = written_to("aozora", "visit", 25)
    visitors = range(1, 201)
    rows = {
        "patients": [{"patient_no": str(n)} for n in visitors],
        "visits": [
            {"patient_no": str(n), "visited_on": "2025-10-01" if n in lapsed else "2026-05-20"}
            for n in visitors
        ],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in lapsed],
    }
    world.write("aozora", MONDAY, rows)
    planted = {"opens": 1.0, "open_hours": 1.0}
    simulator.state.channel("aozora").change({"behaviour": planted}, at(MONDAY, 1))
    assert world.nightly(moment=at(MONDAY, 10, 5)) == 0, world.text()
    assert set(world.received("aozora")) == {user(each) for each in lapsed}
    rows["visits"].append({"patient_no": "200", "visited_on": "2026-06-02"})
    world.write("aozora", WEDNESDAY, rows)
    simulator.state.set_now(at(WEDNESDAY, 2))
    assert world.nightly(WEDNESDAY, at(WEDNESDAY, 2)) == 0, world.text()
    (counted,) = world.published("aozora", "from ledger.unit_statistics")
    ((accepted_at, batch_id, version, purpose),) = world.published(
        "aozora",
        "select distinct accepted_at, batch_id, content_version, purpose from ledger.deliveries"
        " where state = 'accepted'",
    )
    assert counted[0] == batch_id
    assert counted[4:] == (version, MONDAY, 25, WEDNESDAY, False, 25, None)
    assert (str(accepted_at), purpose) == ("2026-06-01 10:05:00", "visit")


@pytest.fixture
def sent(tmp_path: Path) -> Settings:
    """Return an installation that sent one batch to twenty people on Monday."""
    World(tmp_path, None, tmp_path).write("aozora", MONDAY, {})  # type: ignore[arg-type]
    settings = Settings(
        data_dir=tmp_path / "data",
        exports_dir=tmp_path / "exports",
        business_day=WEDNESDAY,
        at=at(WEDNESDAY, 2),
    )
    ready(Sent(open_ledger(settings.ledger())), people=20).send()
    return settings


@pytest.mark.parametrize("url", [None, NOBODY, "http://example.com"])
def test_no_answer_stops_no_night_and_leaves_it_for_the_next(
    sent: Settings, url: str | None
) -> None:
    told = ask(sent.model_copy(update={"simulator_url": url}))
    assert (told["read"], told["left_for_next_night"]) == (0, 1)
    assert told["trouble"] in {"NoSimulatorError", "ConnectionError", "URLError", "ValueError"}


def test_live_without_credentials_asks_nobody(sent: Settings) -> None:
    told = ask(sent.model_copy(update={"line": "live", "at": None}))
    assert (told["read"], told["trouble"]) == (0, "CredentialError")


def test_what_was_missed_is_read_when_line_is_back(
    sent: Settings, simulator: RunningSimulator
) -> None:
    ask(sent.model_copy(update={"simulator_url": NOBODY}))
    later = {"simulator_url": simulator.base_url, "at": at(date(2026, 6, 20), 2)}
    told = ask(sent.model_copy(update=later))
    assert (told["read"], told["not_shown"], told["left_for_next_night"]) == (1, 1, 0)
    with reading(open_ledger(sent.ledger())) as con:
        (row,) = con.execute(select(unit_statistic)).all()
    assert (row.clinic_id, row.from_on, row.impressions) == ("aozora", MONDAY, None)
    told = ask(sent.model_copy(update=later))
    assert told == dict.fromkeys(told, 0) | {"trouble": "none"}
