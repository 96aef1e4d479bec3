"""A tag that jumps is held for as long as the jump is new, however often the night is built."""

from datetime import date, timedelta

import duckdb
import pytest

from dagster_project.checks.profiles import profile
from dagster_project.checks.run import run_suite

TODAY = date(2026, 6, 10)


def verdicts(events: dict[date, int], members: int) -> dict[str, bool]:
    """Return the verdicts on a tag that gained (or lost) so many on each day before tonight."""
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
            "create table tag_catalog as select 't' as tag, cast(null as date) as retired_on"
        )
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
