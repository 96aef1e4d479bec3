"""What Dagster sees, as text: an asset, a check or a dependency that comes or goes shows in review.

Write it anew with `python tests/test_definitions.py`.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from clinic_builder import write_clinic
from delivery_fixtures import a_build, plan_rows, users
from nights import MONDAY, at
from sqlalchemy import Engine

from dagster_project.definitions import definitions
from dagster_project.delivery.plan import plan_night
from dagster_project.ledger.store import open_ledger
from dagster_project.settings import ROOT, TOKYO, Settings

NOW = at(MONDAY, 2)
SNAPSHOT = Path(__file__).with_name("asset_graph.txt")


def bundled(data: Path | None = None) -> dg.Definitions:
    folder = {"data_dir": data} if data else {}
    return definitions(Settings(exports_dir=ROOT / "exports", **folder))


@pytest.fixture
def data(parsed: Path, tmp_path: Path) -> Path:
    """Return a data folder in which dbt has parsed its project already."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "dbt").symlink_to(parsed)
    return folder


def graph(defs: dg.Definitions) -> str:
    specs = sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key.path)
    checks: dict[dg.AssetKey, list[str]] = {}
    for definition in defs.assets or []:
        assert isinstance(definition, dg.AssetsDefinition)
        for check in definition.check_specs:
            mark = "!" if check.blocking else "?"
            checks.setdefault(check.asset_key, []).append(f"{mark}{check.name}")
    lines = []
    for spec in specs:
        lines.append(f"{spec.group_name}: {spec.key.to_user_string()}")
        lines += [f"    < {dep.asset_key.to_user_string()}" for dep in sorted(spec.deps, key=str)]
        lines += [f"    {check}" for check in sorted(checks.get(spec.key, []))]
    return "\n".join(lines) + "\n"


def test_the_graph_is_the_one_that_was_reviewed(data: Path) -> None:
    assert graph(bundled(data)) == SNAPSHOT.read_text(encoding="utf-8")


def test_every_check_says_in_japanese_what_it_is_for(data: Path) -> None:
    silent = [
        check.name
        for definition in bundled(data).assets or []
        for check in definition.check_specs
        if not any("ぁ" <= letter <= "龥" for letter in check.description or "")
    ]
    assert not silent


def test_the_nightly_job_and_the_sensor_never_send(data: Path) -> None:
    defs = bundled(data)
    nightly = defs.resolve_job_def("nightly")
    selected = {key.path[-1] for key in nightly.asset_layer.selected_asset_keys}
    assert not selected & {"line_delivery", "line_sweep"}
    assert defs.resolve_sensor_def("new_exports").job_name == "nightly"


def ticks(defs: dg.Definitions, name: str, moment: datetime) -> list[str]:
    context = dg.build_schedule_context(
        scheduled_execution_time=moment, repository_def=defs.get_repository_def()
    )
    found = defs.resolve_schedule_def(name).evaluate_tick(context)
    return [request.partition_key for request in found.run_requests or []]


def test_the_nightly_runs_every_clinic_at_two_in_tokyo(data: Path) -> None:
    defs = bundled(data)
    schedule = defs.resolve_schedule_def("nightly_at_two")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Asia/Tokyo")
    assert ticks(defs, "nightly_at_two", at(MONDAY, 2)) == ["aozora", "hinata"]


def plan_for(ledger: Engine, clinic_id: str) -> None:
    plan_night(ledger, plan_rows(users(2), clinic_id=clinic_id), a_build(clinic_id=clinic_id), NOW)


def test_the_send_asks_only_for_clinics_with_something_to_send_whose_window_is_open(
    data: Path,
) -> None:
    defs = bundled(data)
    assert ticks(defs, "send_window", at(MONDAY, 10)) == []
    ledger = open_ledger(f"sqlite:///{data.resolve() / 'ledger.db'}")
    plan_for(ledger, "aozora")
    assert ticks(defs, "send_window", at(MONDAY, 10)) == ["aozora"]
    plan_for(ledger, "hinata")
    thursday = MONDAY + timedelta(days=3)
    wednesday = MONDAY + timedelta(days=2)
    assert ticks(defs, "send_window", at(MONDAY, 9, 59)) == []
    assert ticks(defs, "send_window", at(MONDAY, 10)) == ["aozora", "hinata"]
    assert ticks(defs, "send_window", at(MONDAY, 18)) == []
    assert ticks(defs, "send_window", at(wednesday, 10)) == ["aozora"]
    assert ticks(defs, "send_window", at(thursday, 10)) == ["hinata"]
    # The daemon may hand over the instant in another zone.
    utc = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    assert ticks(defs, "send_window", utc) == ["aozora", "hinata"]
    assert utc.astimezone(TOKYO) == at(MONDAY, 10)


def test_the_sensor_asks_for_a_clinic_once_when_its_folder_changes(
    data: Path, tmp_path: Path
) -> None:
    folder = write_clinic(tmp_path / "exports", "here", MONDAY, {})
    settings = Settings(exports_dir=tmp_path / "exports", data_dir=data)
    defs = definitions(settings)
    sensor = defs.resolve_sensor_def("new_exports")

    def asked(cursor: str | None) -> tuple[list[str], str | None]:
        context = dg.build_sensor_context(cursor=cursor, repository_def=defs.get_repository_def())
        found = sensor.evaluate_tick(context)
        return [request.partition_key for request in found.run_requests or []], found.cursor

    first, cursor = asked(None)
    assert first == ["here"]
    again, cursor = asked(cursor)
    assert again == []
    (folder / "visits_20260602.csv").write_text("patient_no\n", encoding="utf-8")
    changed, _ = asked(cursor)
    assert changed == ["here"]


if __name__ == "__main__":
    SNAPSHOT.write_text(graph(bundled()), encoding="utf-8")
