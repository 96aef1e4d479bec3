"""A file that another version published: said in one line, nothing sent, until the next night."""

from pathlib import Path

import duckdb
import pytest
from clinic_builder import user
from delivery_fixtures import Night, a_night
from nights import MONDAY, World, at, written_to
from test_definitions import ticks
from test_preflight import Looked, sent

from dagster_project.definitions import definitions
from dagster_project.exit_codes import STALE
from dagster_project.insight.ask import ask
from dagster_project.insight.morning_command import run_morning
from dagster_project.insight.preflight import run_preflight
from dagster_project.insight.report_command import run_report
from dagster_project.insight.results_command import run_results
from dagster_project.publish import LAYOUT, OtherLayoutError, read_build, reading_published

OLDER = f"別の版 (レイアウト 0、今は {LAYOUT})"


def make_older(world: World, clinic_id: str) -> None:
    """Take from a published file what an older version did not write."""
    with duckdb.connect(str(world.settings(MONDAY).published_path(clinic_id))) as con:
        con.execute("alter table meta.build drop column layout")
        con.execute("drop view scenario_positions")


@pytest.mark.long
def test_an_older_file_is_said_in_one_line_and_the_next_night_builds_it_anew(
    planned: World,
) -> None:
    world = planned
    settings = world.settings(MONDAY, at(MONDAY, 10, 1))
    path = settings.published_path("good")
    assert read_build(path).layout == LAYOUT  # type: ignore[union-attr]
    half_past = at(MONDAY, 7, 30)
    sheet_of = "morning_sheet_at_half_past_seven"
    early = definitions(world.settings(MONDAY, half_past))
    assert ticks(early, sheet_of, half_past) == ["good"]

    make_older(world, "good")
    assert ticks(early, sheet_of, half_past) == []
    with pytest.raises(OtherLayoutError), reading_published(path):
        pass
    for command in (
        lambda: world.send(MONDAY, at(MONDAY, 10, 1)),
        lambda: world.status(MONDAY),
        lambda: run_morning(settings, [], world._console()),
        lambda: run_results(settings, [], None, {}, world._console()),
        lambda: run_report(settings, [], None, world._console()),
        lambda: ask(settings, ["good"], "1", None, None, None, world._console()),
    ):
        world.said.clear()
        assert command() == STALE
        assert OLDER in world.text()
        assert "Error" not in world.text()
    assert run_preflight(settings, [], world._console()) == 0
    assert world.received("good") == {}

    assert world.nightly(MONDAY, at(MONDAY, 10, 2)) == 0
    lapsed = written_to("good", "visit", 3)
    assert world.received("good") == {user(n): 1 for n in lapsed}


@pytest.mark.parametrize("layout", [LAYOUT - 1, LAYOUT + 1])
def test_the_gate_is_shut_for_another_layout_newer_or_older(tmp_path: Path, layout: int) -> None:
    night: Night = a_night(tmp_path)
    night.line = Looked()
    path = tmp_path / "published.duckdb"
    night.build = type(night.build)(**(vars(night.build) | {"layout": layout}))
    report = sent(night, path)
    assert (report.sent.accepted, night.line.sent) == (0, [])
    assert f"レイアウト {layout}" in str(report.closed)
