"""A campaign's own hours: waiting for them, missing them, and what else may go meanwhile."""

from datetime import time, timedelta
from pathlib import Path

import pytest
import yaml
from delivery_fixtures import Night, a_night, at, plan_rows, users
from nights import MONDAY, World, lapsed_rows, written_to
from nights import at as on
from test_authoring import copy_of_dbt
from test_preflight import Looked, sent, states

from dagster_project.authoring.lint import lint, run_lint
from dagster_project.clinic import SendWindow, clinic_in
from dagster_project.delivery.afford import Turn
from dagster_project.insight.morning_page import write_morning
from dagster_project.ledger.waits import AFTER_WINDOW, BEFORE_WINDOW

NOON = {"other": ("12:00", "15:00")}
SEGMENT = "campaigns/lapsed_6_months/seg_lapsed_6_months.yml"


@pytest.fixture
def night(tmp_path: Path) -> Night:
    night = a_night(tmp_path)
    night.line = Looked()
    return night


@pytest.mark.parametrize(
    ("hour", "minute", "accepted", "reason"),
    [
        (11, 59, 2, BEFORE_WINDOW),
        (12, 0, 4, None),
        (14, 59, 4, None),
        (15, 0, 2, AFTER_WINDOW),
    ],
)
def test_both_sides_of_both_bounds(
    night: Night, tmp_path: Path, hour: int, minute: int, accepted: int, reason: str | None
) -> None:
    night.clock.now = at(hour, minute)
    report = sent(night, tmp_path / "published.duckdb", **NOON)
    assert (report.sent.accepted, report.sent.stopped) == (accepted, None)
    expected = ("planned", reason) if reason else ("batched", None)
    assert states(night)["other"] == {expected}
    assert states(night)["lapsed"] == {("batched", None)}


def test_before_its_hours_it_waits_and_goes_once_in_them(night: Night, tmp_path: Path) -> None:
    path = tmp_path / "published.duckdb"
    for hour, accepted in ((10, 2), (11, 0), (12, 2), (13, 0)):
        night.clock.now = at(hour, 5)
        assert sent(night, path, **NOON).sent.accepted == accepted


def test_the_clinics_hours_hold_as_well(night: Night, tmp_path: Path) -> None:
    night.clock.now = at(9, 59)
    report = sent(night, tmp_path / "published.duckdb", other=("09:00", "15:00"))
    assert (report.sent.accepted, report.closed) == (0, "送信時間外です (10:00〜18:00)")


@pytest.mark.parametrize(("minute", "accepted"), [(59, 2), (60, 0)])
def test_what_was_frozen_in_its_hours_does_not_leave_after_them(
    night: Night, minute: int, accepted: int
) -> None:
    rows = plan_rows(users(2))
    night.plan(rows)
    night.clock.now = at(14, 30)
    night.freeze(rows, ends={"lapsed": at(15)})
    night.clock.now = at(14) + timedelta(minutes=minute)
    assert night.send().accepted == accepted
    assert {each["state"] for each in night.batches()} == {"accepted" if accepted else "expired"}


@pytest.mark.parametrize(("waits_for", "accepted"), [(BEFORE_WINDOW, 1), (AFTER_WINDOW, 3)])
def test_who_comes_later_today_keeps_a_place_in_the_month(
    night: Night, waits_for: str, accepted: int
) -> None:
    first, second = plan_rows(users(2), "first", 1), plan_rows(users(3, 10), "second", 2)
    turns = {row.key: Turn(1, at, in_parts=True) for at, row in enumerate(first, 1)}
    turns |= {row.key: Turn(2, at, in_parts=True) for at, row in enumerate(second, 1)}
    night.plan([*first, *second])
    done = night.freeze([*first, *second], waits={"first": waits_for}, turns=turns, left=3)
    assert done.frozen == accepted
    done = night.freeze([*first, *second], turns=turns, left=3 - accepted)
    assert done.frozen == 3 - accepted


# --- as its author writes it ----------------------------------------------------------------


def declare(dbt: Path, **said: object) -> Path:
    path = dbt / SEGMENT
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["models"][0]["config"]["meta"]["campaign"] |= said
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "window",
    [720, "12:00-15:00", {"from": "12:00"}, {"from": 720, "to": 900}, {"from": "12", "to": "15"},
     {"from": "15:00", "to": "12:00"}, {"from": "12:00", "to": "12:00"},
     {"from": "12:00", "to": "24:00"}, {"from": "12:00", "to": "15:00", "on": "mon"}],
)  # fmt: skip
def test_lint_names_file_and_line_of_hours_that_are_none(tmp_path: Path, window: object) -> None:
    dbt = copy_of_dbt(tmp_path)
    path = declare(dbt, send_window=window)
    (found,) = [each for each in lint(dbt, MONDAY) if "send_window" in each.wrong]
    line = path.read_text(encoding="utf-8").splitlines()[found.line - 1]
    assert (found.path, line.split(":")[0].strip()) == (path, "send_window")


CLINIC = {"aozora": SendWindow(opens=time(12), closes=time(15))}


@pytest.mark.parametrize(
    ("opens", "closes", "is_within"),
    [("12:00", "15:00", True), ("11:59", "15:00", False), ("12:00", "15:01", False)],
)
def test_lint_keeps_a_campaigns_hours_within_every_clinics(
    tmp_path: Path, opens: str, closes: str, is_within: bool
) -> None:
    dbt = copy_of_dbt(tmp_path)
    declare(dbt, send_window={"from": opens, "to": closes})
    found = [each for each in lint(dbt, MONDAY, windows=CLINIC) if "beyond" in each.wrong]
    assert (not found) == is_within
    assert all("aozora" in each.wrong and "12:00-15:00" in each.to_do for each in found)


def test_the_command_reads_the_clinics_hours(world: World) -> None:
    world.write("own", MONDAY, lapsed_rows([1]))
    dbt = copy_of_dbt(world.folder)
    declare(dbt, send_window={"from": "09:00", "to": "15:00"})
    settings = world.settings(MONDAY).model_copy(update={"dbt_dir": dbt})
    assert run_lint(settings, world._console()) == 1
    assert "send_window 09:00-15:00 goes beyond that of own" in world.text()


@pytest.mark.long
@pytest.mark.parametrize("if_missed", ["drop", "next_window"])
def test_a_night_with_hours_of_its_own(world: World, if_missed: str) -> None:
    """Nobody runs the sender between twelve and three: the next night decides."""
    lapsed = written_to("own", "visit", 2)
    world.write("own", MONDAY, lapsed_rows(lapsed))
    dbt = copy_of_dbt(world.folder)
    declare(dbt, send_window={"from": "12:00", "to": "15:00"}, if_missed=if_missed)
    world.change_dbt(dbt)
    assert world.nightly(MONDAY, on(MONDAY, 2)) == 0
    settings = world.settings(MONDAY, on(MONDAY, 7, 30))
    page = write_morning(settings, clinic_in(settings.exports_dir, "own"))
    assert page is not None
    assert "この配信の送信時間 12:00〜15:00" in page.read_text(encoding="utf-8")
    for moment in (on(MONDAY, 11, 59), on(MONDAY, 15)):
        assert world.send(MONDAY, moment) == 0
    assert world.received("own") == {}

    tuesday = MONDAY + timedelta(days=1)
    world.write("own", tuesday, lapsed_rows(lapsed))
    assert world.nightly(tuesday, on(tuesday, 2)) == 0
    assert world.send(tuesday, on(tuesday, 12)) == 0
    assert sum(world.received("own").values()) == (2 if if_missed == "next_window" else 0)
    reasons = world.published(
        "own", "select distinct reason from delivery_decisions where outcome = 'skip'"
    )
    assert (("window_missed",) in reasons) == (if_missed == "drop")


@pytest.mark.long
def test_no_hour_stops_the_night(world: World) -> None:
    world.write("own", MONDAY, lapsed_rows([1]))
    dbt = copy_of_dbt(world.folder)
    declare(dbt, send_window={"from": 720, "to": 900})
    world.change_dbt(dbt)
    assert world.nightly(MONDAY, on(MONDAY, 2)) == 1
    assert "send_window.from is no hour" in world.text()
