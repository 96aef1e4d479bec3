"""A tag that jumps is held for as long as the jump is new, however often the night is built."""

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
import pytest

from dagster_project.checks.profiles import profile
from dagster_project.checks.run import run_suite

TODAY = date(2026, 6, 10)


def verdicts(
    events: dict[date, int],
    members: int,
    moves_on: str = "",
    nights: Sequence[date] = (TODAY - timedelta(days=1),),
) -> dict[str, bool]:
    """Return the verdicts on a tag that gained (or lost) so many on each day before tonight.

    The clinic has 2,000 patients; `moves_on` are the days on which the law moves them.
    """
    with duckdb.connect() as con:
        con.execute("create schema meta; create schema previous")
        con.execute("create table meta.build as select ?::date as as_of", [TODAY])
        con.execute(
            "create table previous.tag_events (tag varchar, patient_id varchar, event varchar,"
            " on_day date)"
        )
        for day, change in events.items():
            event = "gained" if change > 0 else "lost"
            con.execute(
                "insert into previous.tag_events select 't', i::varchar, ?, ? from range(?) r(i)",
                [event, day, abs(change)],
            )
        con.execute("create table patients_today as select i::varchar as patient_id from"
                    " range(2000) r(i)")  # fmt: skip
        con.execute(
            "create table tag_catalog as select 't' as tag, cast(null as date) as retired_on,"
            f" ',{moves_on},' as moves_on"
        )
        con.execute("create table previous.nights (as_of date)")
        con.executemany("insert into previous.nights values (?)", [[day] for day in nights])
        con.execute(
            "create table patient_tags as select 't' as tag, i::varchar as patient_id,"
            f" 'has' as state from range({members}) r(i)"
        )
        results = run_suite("audience", profile(con, "audience"))
    return {result.spec.name: result.is_passed for result in results}


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("before", "members", "is_held"),
    [
        ({ago(30): 10}, 30, False),
        ({ago(30): 10}, 31, True),
        ({ago(30): 100}, 150, False),
        ({ago(30): 100}, 151, True),
        # The first night, and the night a tag is new.
        ({}, 800, False),
        # What jumped tonight does not become its own measure when the night is built again...
        ({ago(30): 10, TODAY: 790}, 800, True),
        # ...nor the night after, nor for a week; then it is the new size.
        ({ago(30): 10, ago(1): 790}, 800, True),
        ({ago(30): 10, ago(6): 790}, 800, True),
        ({ago(30): 10, ago(7): 790}, 800, False),
    ],
)
def test_a_jump_is_held_while_it_is_new(
    before: dict[date, int], members: int, is_held: bool
) -> None:
    assert verdicts(before, members)["tag_did_not_swell"] is not is_held


@pytest.mark.parametrize(
    ("before", "members", "is_held"),
    [
        ({ago(30): 100}, 50, False),
        ({ago(30): 100}, 49, True),
        ({ago(30): 30}, 10, False),
        ({ago(30): 30}, 9, True),
        ({ago(30): 100, ago(1): -80}, 20, True),
        ({ago(30): 100, ago(7): -80}, 20, False),
    ],
)
def test_a_fall_is_held_while_it_is_new(
    before: dict[date, int], members: int, is_held: bool
) -> None:
    assert verdicts(before, members)["tag_did_not_shrink"] is not is_held


@pytest.mark.parametrize(
    ("moves_on", "nights", "before", "members", "is_held", "is_said"),
    [
        # A tenth of the clinic may move on that night, and no more; nobody on any other.
        ("06-10", [ago(1)], {ago(30): 10}, 230, False, True),
        ("06-10", [ago(1)], {ago(30): 10}, 231, True, True),
        ("06-11", [ago(1)], {ago(30): 10}, 31, True, False),
        ("03-01,06-10", [ago(1)], {ago(30): 10}, 230, False, True),
        # The night after: the nights before the move still measure loosely, that night does not.
        ("06-09", [ago(2), ago(1)], {ago(30): 10, ago(1): 200}, 230, False, False),
        ("06-09", [ago(2), ago(1)], {ago(30): 10, ago(1): 200}, 231, True, False),
        ("06-09", [ago(2), ago(1)], {ago(30): 10}, 31, True, False),
        # What was too much on the night itself is too much on the next.
        ("06-09", [ago(2), ago(1)], {ago(30): 10, ago(1): 790}, 800, True, False),
        # No night was published on the day itself: the next one is the first since the move.
        ("06-09", [ago(2)], {ago(30): 10}, 230, False, True),
        ("06-09", [ago(2)], {ago(30): 10}, 231, True, True),
    ],
)
def test_a_move_by_law_widens_the_band_of_its_night_and_is_said(
    moves_on: str,
    nights: list[date],
    before: dict[date, int],
    members: int,
    is_held: bool,
    is_said: bool,
) -> None:
    found = verdicts(before, members, moves_on, nights)
    assert found["tag_did_not_swell"] is not is_held
    assert found["tag_band_is_not_widened"] is not is_said


@pytest.mark.parametrize(
    ("moves_on", "members", "is_held"),
    [
        ("06-10", 300, False),
        ("06-10", 299, True),
        ("06-11", 500, False),
        ("06-11", 499, True),
    ],
)
def test_a_cohort_may_also_leave(moves_on: str, members: int, is_held: bool) -> None:
    found = verdicts({ago(30): 1000}, members, moves_on)
    assert found["tag_did_not_shrink"] is not is_held
