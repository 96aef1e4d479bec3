"""Acceptance D18: what cannot be trusted is not sent on, and costs nobody their message."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from clinic_builder import Row, user
from delivery_fixtures import rows_of as rows_in
from nights import MONDAY, World, at, written_to

from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import alert
from dagster_project.runner import open_instance

CLINIC = "d18"
SATURDAY = MONDAY - timedelta(days=2)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
PEOPLE = range(1, 41)
RETURNS = 40


def rows_of(day: date, visits: int = 40) -> dict[str, list[Row]]:
    """Forty patients; the first five lapse on Tuesday and are to hear of it.

    The last lapsed long ago, without LINE.
    """
    lapse = {n: date(2025, 12, 2) for n in range(1, 6)} | {RETURNS: date(2025, 10, 1)}
    came: list[Row] = [
        {"patient_no": str(n), "visited_on": lapse.get(n, day - timedelta(days=n))}
        for n in list(PEOPLE)[:visits]
    ]
    return {
        "patients": [{"patient_no": str(n)} for n in PEOPLE],
        "visits": came,
        "line_links": [
            {"line_user_id": user(n), "patient_no": str(n), "consent_purposes": "visit"}
            for n in PEOPLE
            if n != RETURNS
        ],
    }


@pytest.fixture(scope="module")
def saturday(begin: Callable[[], World]) -> World:
    """Return an installation after its first night, in which nobody was due."""
    world = begin()
    world.write(CLINIC, SATURDAY, rows_of(SATURDAY))
    assert world.nightly(SATURDAY) == 0, world.text()
    assert world.calls(CLINIC) == 0
    return world


@pytest.fixture
def after_saturday(saturday: World, tmp_path: Path) -> World:
    return saturday.copy(tmp_path / "world")


def fewer_visits(folder: Path, world: World) -> None:
    world.write(CLINIC, TUESDAY, rows_of(TUESDAY, visits=24))


def swapped_columns(folder: Path, world: World) -> None:
    path = folder / f"visits_{TUESDAY:%Y%m%d}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *body = csv.reader(file)
    swapped = [[row[1], row[0], *row[2:]] for row in body]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *swapped])


def broken_encoding(folder: Path, world: World) -> None:
    path = folder / f"patients_{TUESDAY:%Y%m%d}.csv"
    path.write_bytes(path.read_bytes() + b"\x83\xff\xff")


def yesterdays_file(folder: Path, world: World) -> None:
    before = folder / f"visits_{SATURDAY:%Y%m%d}.csv"
    (folder / f"visits_{TUESDAY:%Y%m%d}.csv").write_bytes(before.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (fewer_visits, "volume_near_last_export"),
        pytest.param(swapped_columns, "no_file_in_quarantine", marks=pytest.mark.long),
        (broken_encoding, "no_file_in_quarantine"),
        (yesterdays_file, "export_is_fresh"),
    ],
)
def test_d18_a_bad_export_sends_nothing_and_the_corrected_one_sends_once(
    after_saturday: World, spoil: Callable[[Path, World], None], named: str
) -> None:
    world, folder = after_saturday, after_saturday.exports / CLINIC
    tags = world.published(CLINIC, "select * from patient_tags order by all")
    world.write(CLINIC, TUESDAY, rows_of(TUESDAY))
    if spoil is yesterdays_file:
        for name in ("patients", "line_links"):
            (folder / f"{name}_{TUESDAY:%Y%m%d}.csv").unlink()
    spoil(folder, world)
    assert world.nightly(TUESDAY) == 3
    assert named in world.text()
    assert world.calls(CLINIC) == 0
    # Staff are told at once which expectation failed, once for a day, and no cell of the file.
    assert world.nightly(TUESDAY) == 3
    (told,) = rows_in(open_ledger(world.settings(TUESDAY).ledger()), alert)
    assert told["kind"] == "failed"
    assert named in str(told["text"])
    assert "夜の処理が warehouse_input で止まりました" in str(told["text"])
    assert user(1) not in str(told["text"])
    # Asking for the send alone changes nothing: what is published is not of today.
    assert world.send(TUESDAY, at(TUESDAY, 11)) == 3
    assert world.calls(CLINIC) == 0
    assert world.published(CLINIC, "select * from patient_tags order by all") == tags
    assert world.status(TUESDAY) == 3
    assert f"古いデータ: {SATURDAY}" in world.text()

    world.write(CLINIC, TUESDAY, rows_of(TUESDAY))
    assert world.nightly(TUESDAY) == 0
    assert world.received(CLINIC) == {user(n): 1 for n in range(1, 6)}
    assert world.send(TUESDAY, at(TUESDAY, 12)) == 0
    assert world.received(CLINIC) == {user(n): 1 for n in range(1, 6)}


def test_the_error_names_file_line_column_found_and_expected(world: World) -> None:
    folder = world.write(CLINIC, MONDAY, rows_of(MONDAY))
    path = folder / f"visits_{MONDAY:%Y%m%d}.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[7] = lines[7].replace("2026-", "2026-13-", 1)
    path.write_text("\n".join(lines), encoding="utf-8")
    assert world.nightly(MONDAY) == 3
    said = world.text()
    assert path.name in said
    assert "line 8, visited_on" in said
    assert "2026-13-" in said
    assert "expected a date that exists" in said


def test_one_clinics_bad_export_or_clinic_yaml_stops_that_clinic_alone(world: World) -> None:
    rows = rows_of(TUESDAY)
    broken = world.write("a_broken", TUESDAY, rows) / "clinic.yaml"
    broken.write_text(broken.read_text(encoding="utf-8") + "\nsend_windw: {}\n", encoding="utf-8")
    world.write("good", TUESDAY, rows)
    folder = world.write("bad", TUESDAY, rows)
    (folder / f"visits_{TUESDAY:%Y%m%d}.csv").write_bytes(b"\xff\xfe\x00")
    assert world.nightly(TUESDAY, clinics=["bad"]) == 3
    assert world.nightly(TUESDAY) == 1
    assert "send_windw: Extra inputs are not permitted" in world.text()
    assert world.received("good") == {user(n): 1 for n in range(1, 6)}
    assert world.calls("bad") == world.calls("a_broken") == 0


def shown(world: World) -> list[dg.AssetCheckEvaluation]:
    """Return what Dagster's pages have shown of the published file, the newest first."""
    instance = open_instance(world.settings(MONDAY))
    key = dg.AssetCheckKey(dg.AssetKey("published_warehouse"), "published_is_of_today")
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    done = {dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    events = [record.event.dagster_event for record in history]
    assert events[0].event_type in done, "Dagster's pages show the newest, and it is not ours"
    return [e.asset_check_evaluation_data for e in events if e.event_type in done]


def test_a_failed_night_leaves_no_trace_in_the_history_and_shows_as_stale_to_the_next_good_one(
    after_saturday: World,
) -> None:
    """Spells by business day: last published night's members and tonight's make them."""
    world = after_saturday

    def spells(who: int) -> list[tuple[object, ...]]:
        query = "select held_from, held_to from tag_history where tag = 'no_visit_6_months'"
        return world.published(CLINIC, f"{query} and patient_id = '{who}' order by all")

    def came_back(day: date, visits: int) -> dict[str, list[Row]]:
        rows = rows_of(day, visits)
        others = [row for row in rows["visits"] if row["patient_no"] != str(RETURNS)]
        return rows | {"visits": [*others, {"patient_no": str(RETURNS), "visited_on": MONDAY}]}

    assert (spells(1), spells(RETURNS)) == ([], [(SATURDAY, None)])
    # Tuesday: one lapsed and one has come, but the visits are cut short.
    world.write(CLINIC, TUESDAY, came_back(TUESDAY, visits=20))
    assert world.nightly(TUESDAY) == 3
    assert (spells(1), spells(RETURNS)) == ([], [(SATURDAY, None)])
    stale, before = shown(world)
    assert (stale.passed, before.passed) == (False, True)
    assert stale.partition == CLINIC
    assert stale.metadata["failed_step"].value == "warehouse_input"
    world.write(CLINIC, WEDNESDAY, came_back(WEDNESDAY, visits=40))
    assert world.nightly(WEDNESDAY) == 0
    assert (spells(1), spells(RETURNS)) == ([(WEDNESDAY, None)], [(SATURDAY, WEDNESDAY)])
    assert shown(world)[0].passed


def test_a_vanished_patient_is_a_tombstone_and_hears_nothing(after_saturday: World) -> None:
    world = after_saturday
    tonight = rows_of(TUESDAY)
    tonight["patients"] = [row for row in tonight["patients"] if row["patient_no"] != "3"]
    world.write(CLINIC, TUESDAY, tonight)
    assert world.nightly(TUESDAY) == 0
    assert world.received(CLINIC) == {user(n): 1 for n in (1, 2, 4, 5)}
    (gone,) = world.published(CLINIC, "select vanished_on from stg_patients where patient_id = '3'")
    assert gone == (TUESDAY,)
    assert world.nightly(TUESDAY) == 0
    assert world.received(CLINIC) == {user(n): 1 for n in (1, 2, 4, 5)}


def test_who_blocked_or_withdrew_since_the_night_is_not_written_to(planned: World) -> None:
    blocked, withdrew, stays = map(user, written_to("good", "visit", 3))
    path = planned.exports / "good" / f"line_links_{MONDAY:%Y%m%d}.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [
        line.replace("following", "blocked") if blocked in line
        else line.replace("visit|", "") if withdrew in line
        else line
        for line in lines
    ]  # fmt: skip
    assert len(set(changed) - set(lines)) == 2
    path.write_text("\n".join(changed), encoding="utf-8")
    assert planned.send(MONDAY, at(MONDAY, 10)) == 0
    assert planned.received("good") == {stays: 1}
