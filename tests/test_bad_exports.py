"""Acceptance D18: what cannot be trusted is not sent on, and costs nobody their message."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from clinic_builder import Row, user
from nights import MONDAY, World, at

CLINIC = "d18"
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
PEOPLE = range(1, 41)


def rows_of(day: date, visits: int = 40) -> dict[str, list[Row]]:
    """Forty patients; the first five lapse on Tuesday and are to hear of it."""
    lapse = {n: date(2025, 12, 2) for n in range(1, 6)}
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
        ],
    }


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
    before = folder / f"visits_{MONDAY - timedelta(days=2):%Y%m%d}.csv"
    (folder / f"visits_{TUESDAY:%Y%m%d}.csv").write_bytes(before.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (fewer_visits, "volume_near_last_export"),
        (swapped_columns, "no_file_in_quarantine"),
        (broken_encoding, "no_file_in_quarantine"),
        (yesterdays_file, "export_is_fresh"),
    ],
)
def test_d18_a_bad_export_sends_nothing_and_the_corrected_one_sends_once(
    world: World, spoil: Callable[[Path, World], None], named: str
) -> None:
    saturday = MONDAY - timedelta(days=2)
    folder = world.write(CLINIC, saturday, rows_of(saturday))
    assert world.nightly(saturday) == 0
    tags = world.published(CLINIC, "select * from patient_tags order by all")
    assert world.calls(CLINIC) == 0

    world.write(CLINIC, TUESDAY, rows_of(TUESDAY))
    if spoil is yesterdays_file:
        for name in ("patients", "line_links"):
            (folder / f"{name}_{TUESDAY:%Y%m%d}.csv").unlink()
    spoil(folder, world)
    assert world.nightly(TUESDAY) == 3
    assert named in world.text()
    assert world.calls(CLINIC) == 0
    # Asking for the send alone changes nothing: what is published is not of today.
    assert world.send(TUESDAY, at(TUESDAY, 11)) == 3
    assert world.calls(CLINIC) == 0
    assert world.published(CLINIC, "select * from patient_tags order by all") == tags
    assert world.status(TUESDAY) == 3
    assert f"古いデータ: {saturday}" in world.text()

    world.write(CLINIC, TUESDAY, rows_of(TUESDAY))
    assert world.nightly(TUESDAY) == 0
    assert world.received(CLINIC) == {user(n): 1 for n in range(1, 6)}
    assert world.nightly(TUESDAY) == 0
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


def test_one_clinics_bad_export_stops_that_clinic_alone(world: World) -> None:
    rows = rows_of(TUESDAY)
    world.write("good", TUESDAY, rows)
    folder = world.write("bad", TUESDAY, rows)
    (folder / f"visits_{TUESDAY:%Y%m%d}.csv").write_bytes(b"\xff\xfe\x00")
    assert world.nightly(TUESDAY) == 3
    assert world.received("good") == {user(n): 1 for n in range(1, 6)}
    assert world.calls("bad") == 0


def test_a_vanished_patient_is_a_tombstone_and_hears_nothing(world: World) -> None:
    saturday = MONDAY - timedelta(days=2)
    world.write(CLINIC, saturday, rows_of(saturday))
    assert world.nightly(saturday) == 0
    tonight = rows_of(TUESDAY)
    tonight["patients"] = [row for row in tonight["patients"] if row["patient_no"] != "3"]
    world.write(CLINIC, TUESDAY, tonight)
    assert world.nightly(TUESDAY) == 0
    assert world.received(CLINIC) == {user(n): 1 for n in (1, 2, 4, 5)}
    (gone,) = world.published(CLINIC, "select vanished_on from stg_patients where patient_id = '3'")
    assert gone == (TUESDAY,)


def test_a_run_at_night_or_on_a_closed_day_sends_nothing_and_the_next_window_does(
    world: World,
) -> None:
    thursday, friday = MONDAY + timedelta(days=3), MONDAY + timedelta(days=4)
    world.write(CLINIC, WEDNESDAY, rows_of(WEDNESDAY))
    assert world.nightly(WEDNESDAY, at(WEDNESDAY, 23, 40)) == 0
    assert world.calls(CLINIC) == 0
    world.write(CLINIC, thursday, rows_of(thursday))
    assert world.nightly(thursday, at(thursday, 11)) == 0
    assert world.calls(CLINIC) == 0
    assert "休診日" in world.text() or "送信時間外" in world.text()
    world.write(CLINIC, friday, rows_of(friday))
    assert world.nightly(friday, at(friday, 2)) == 0
    assert world.calls(CLINIC) == 0
    assert world.send(friday, at(friday, 9, 59)) == 0
    assert world.calls(CLINIC) == 0
    assert world.send(friday, at(friday, 10)) == 0
    assert set(world.received(CLINIC).values()) == {1}
    assert world.send(friday, at(friday, 10, 10)) == 0
    assert set(world.received(CLINIC).values()) == {1}


def test_who_blocked_or_withdrew_since_the_night_is_not_written_to(world: World) -> None:
    folder = world.write(CLINIC, TUESDAY, rows_of(TUESDAY))
    assert world.nightly(TUESDAY, at(TUESDAY, 2)) == 0
    path = folder / f"line_links_{TUESDAY:%Y%m%d}.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [
        line.replace("following", "blocked") if user(1) in line
        else line.replace(",visit,", ",survey,") if user(2) in line
        else line
        for line in lines
    ]  # fmt: skip
    (folder / f"line_links_{TUESDAY:%Y%m%d}.csv").write_text("\n".join(changed), encoding="utf-8")
    assert world.send(TUESDAY, at(TUESDAY, 10)) == 0
    assert world.received(CLINIC) == {user(n): 1 for n in (3, 4, 5)}
