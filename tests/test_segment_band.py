"""A campaign whose audience jumps is held, alone, for as long as the jump is new."""

from datetime import date, timedelta

import duckdb
import pytest
from clinic_builder import Row, user
from nights import MONDAY, World

from dagster_project.checks.profiles import profile
from dagster_project.checks.run import run_suite
from dagster_project.controls.veto import approve as approve_at_a_terminal

CAMPAIGN = "lifestyle_checkup"
TODAY = date(2026, 6, 10)


def verdicts(
    before: dict[int, int], members: int, moves_on: str = "", tag_moves_on: str = ""
) -> dict[str, bool]:
    """Return the verdicts on a campaign that had so many so many days ago, and has so many now.

    The clinic has 500 patients; the campaign stands on the tag t.
    """
    with duckdb.connect() as con:
        con.execute("create schema meta")
        con.execute("create table meta.build as select ?::date as as_of", [TODAY])
        con.execute("create table segment_sizes (campaign varchar, on_day date, members bigint)")
        con.execute("create table campaigns as select 'c' as campaign, ',t,' as tags,"
                    f" ',{moves_on},' as moves_on")  # fmt: skip
        con.execute("create table tag_catalog (tag varchar, moves_on varchar)")
        con.execute(
            "insert into tag_catalog values ('t', ?), ('u', ',06-10,')", [f",{tag_moves_on},"]
        )
        con.execute("create table patients_today as from range(500)")
        for days, size in {**before, 0: members}.items():
            day = TODAY - timedelta(days=days)
            con.execute("insert into segment_sizes values ('c', ?, ?)", [day, size])
        results = run_suite("segments", profile(con, "segments"))
    return {result.spec.name: result.is_passed for result in results}


@pytest.mark.parametrize(
    ("before", "members", "may_go"),
    [
        ({}, 800, True),  # the first night
        ({1: 10}, 30, True),
        ({1: 10}, 31, False),
        ({1: 100}, 150, True),
        ({1: 100}, 151, False),
        ({1: 800, 6: 10}, 800, False),  # the jump was yesterday, and is still new
        ({1: 800, 6: 800}, 800, True),
    ],
)
def test_a_campaign_that_swells_is_held(before: dict[int, int], members: int, may_go: bool) -> None:
    assert verdicts(before, members)["segment_did_not_swell"] is may_go


@pytest.mark.parametrize(
    ("before", "members", "may_go"),
    [
        ({}, 0, True),
        ({1: 100}, 50, True),
        ({1: 100}, 49, False),
        ({1: 30}, 10, True),
        ({1: 30}, 9, False),
        ({1: 20}, 0, True),
        ({1: 9, 6: 100}, 9, False),
    ],
)
def test_a_campaign_that_shrinks_is_held(
    before: dict[int, int], members: int, may_go: bool
) -> None:
    assert verdicts(before, members)["segment_did_not_shrink"] is may_go


@pytest.mark.parametrize(
    ("own", "tags", "before", "members", "is_held", "is_said"),
    [
        ("06-10", "", {1: 10}, 80, False, True),
        ("06-10", "", {1: 10}, 81, True, True),
        ("", "06-10", {1: 10}, 80, False, True),
        ("", "06-10", {1: 10}, 81, True, True),
        ("06-11", "06-11", {1: 10}, 31, True, False),
        ("06-09", "", {1: 60, 2: 10}, 80, False, False),
        ("06-09", "", {1: 60, 2: 10}, 81, True, False),
        ("06-09", "", {2: 10}, 80, False, True),
        ("06-09", "", {1: 100, 2: 10}, 100, True, False),
    ],
)
def test_a_move_by_law_widens_the_band_of_its_night_and_is_said(
    own: str, tags: str, before: dict[int, int], members: int, is_held: bool, is_said: bool
) -> None:
    found = verdicts(before, members, own, tags)
    assert found["segment_did_not_swell"] is not is_held
    assert found["segment_band_is_not_widened"] is not is_said


def rows(waists: int, sugars: int) -> dict[str, list[Row]]:
    """Return forty patients on LINE: so many over the waist, and so many others over the sugar."""
    patients = range(1, 41)
    measured: list[Row] = [
        {"patient_no": str(n), "item": "waist_cm", "value": "95", "unit": "cm"}
        for n in range(1, 1 + waists)
    ]
    measured += [
        {"patient_no": str(n), "item": "hba1c_percent", "value": "7.0", "unit": "%"}
        for n in range(21, 21 + sugars)
    ]
    return {
        "patients": [{"patient_no": str(n), "sex": "male"} for n in patients],
        "visits": [{"patient_no": str(n), "visited_on": "2026-02-20"} for n in patients],
        "observations": [{**each, "observed_on": "2026-04-20"} for each in measured],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in patients],
    }


@pytest.mark.long
@pytest.mark.parametrize(("sugars", "is_held"), [(10, False), (11, True)])
def test_a_jump_over_one_night_sends_nothing_of_that_campaign(
    world: World, sugars: int, is_held: bool
) -> None:
    world.write("good", MONDAY, rows(1, 0))
    assert world.nightly() == 0
    assert sum(world.received("good").values()) == 1
    tuesday = MONDAY + timedelta(days=1)
    # Neither tag jumps by itself; together they make twenty-one, or twenty-two, of one.
    world.write("good", tuesday, rows(11, sugars))
    assert world.nightly(tuesday) == 0
    assert sum(world.received("good").values()) == (1 if is_held else 21)
    held = world.published(
        "good",
        "select distinct campaign from delivery_decisions where reason = 'held_by_check'",
    )
    assert held == ([("lifestyle_checkup",)] if is_held else [])
    # The same night again is held again, and no message of yesterday is forgotten.
    assert world.nightly(tuesday) == 0
    assert sum(world.received("good").values()) == (1 if is_held else 21)


@pytest.mark.long
def test_a_person_may_answer_for_the_number_of_one_night_and_for_no_other(world: World) -> None:
    world.write("good", MONDAY, rows(1, 0))
    assert world.nightly() == 0
    tuesday = MONDAY + timedelta(days=1)
    world.write("good", tuesday, rows(11, 11))
    assert world.nightly(tuesday) == 0
    assert "対象 22 人 (確かめて" in world.text()
    settings, console = world.settings(tuesday), world._console()

    def approve(people: int) -> int:
        return approve_at_a_terminal(settings, None, CAMPAIGN, "佐藤", console, people)

    assert [approve(21), approve(23), approve(22)] == [1, 1, 0]
    # One more in the list: the number that was approved is another one.
    world.write("good", tuesday, rows(11, 12))
    assert world.nightly(tuesday) == 0
    assert sum(world.received("good").values()) == 1
    world.write("good", tuesday, rows(11, 11))
    assert world.nightly(tuesday) == 0
    assert sum(world.received("good").values()) == 22
    assert approve(22) == 1
