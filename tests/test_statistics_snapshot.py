"""What the warehouse is told of what was sent: when it left, what LINE shows of it, who blocked."""

from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from delivery_fixtures import MONDAY, Night, a_build, a_clinic, a_night, at, ready, user

from dagster_project.conversation.events import Event
from dagster_project.delivery.snapshot import (
    blocks_for_warehouse,
    deliveries_for_warehouse,
    statistics_for_warehouse,
)
from dagster_project.delivery.sweep import doubtful, settle_doubtful
from dagster_project.ledger.conversation import keep
from dagster_project.ledger.statistics import note_counts, units_sent
from dagster_project.ledger.store import writing
from dagster_project.line.replies import Counts, Kind
from dagster_project.prepare import Night as Given
from dagster_project.prepare import prepare

LATER = date(2026, 7, 1)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def laid_down(night: Night, folder: Path, as_of: date = LATER) -> duckdb.DuckDBPyConnection:
    """Return the warehouse file of a night with what this ledger says."""
    work = folder / "work" / "warehouse.duckdb"
    clinic_id = night.clinic.clinic_id
    given = Given(
        a_build(as_of),
        a_clinic(),
        folder / "landing",
        folder / "none",
        deliveries=deliveries_for_warehouse(night.engine, clinic_id),
        unit_statistics=statistics_for_warehouse(night.engine, clinic_id, as_of),
        blocks=blocks_for_warehouse(night.engine, clinic_id, as_of),
    )
    prepare(work, given)
    return duckdb.connect(str(work))


def local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def note(night: Night, at: datetime, impressions: int | None, clicks: int | None = None) -> None:
    """Write a reading of the only unit into the ledger."""
    with writing(night.engine, "aozora") as con:
        (unit,) = units_sent(con, "aozora")
        note_counts(con, "aozora", unit, Counts(impressions, clicks), at.date(), at)


def test_a_delivery_says_when_in_which_batch_and_what_for(night: Night, tmp_path: Path) -> None:
    ready(night).send()
    (batch,) = night.batches()
    with laid_down(night, tmp_path) as con:
        rows = con.execute(
            "select distinct accepted_at, batch_id, content_version, purpose, state"
            " from ledger.deliveries"
        ).fetchall()
    assert rows == [(local(at(10, 5)), batch["id"], "v1", "visit", "accepted")]


def test_what_has_not_left_has_no_instant(night: Night) -> None:
    ready(night)
    assert {row[5:8:2] for row in deliveries_for_warehouse(night.engine, "aozora")} == {
        ("batched", None)
    }


def test_what_nobody_answered_left_when_it_was_first_tried(night: Night) -> None:
    """Also when LINE's list proves it a day later: nobody came of it before it was there."""
    ready(night)
    night.line.script = [Kind.UNKNOWN] * 20
    night.send()
    night.clock.now = at(11, day=date(2026, 6, 2))
    found = doubtful(night.engine, "aozora", night.clock())
    night.line.units = {str(each["unit"]) for each in night.batches()}
    assert settle_doubtful(night.engine, "aozora", found, night.line, night.clock()) == (3, 0)
    assert {row[5:8:2] for row in deliveries_for_warehouse(night.engine, "aozora")} == {
        ("accepted", local(at(10, 5)))
    }


def test_the_newest_reading_of_a_unit_counts_and_none_stays_none(
    night: Night, tmp_path: Path
) -> None:
    ready(night, people=30).send()
    note(night, at(2, day=date(2026, 6, 3)), 21)
    note(night, at(2, day=date(2026, 6, 4)), 25, None)
    (batch,) = night.batches()
    with laid_down(night, tmp_path) as con:
        rows = con.execute("from ledger.unit_statistics").fetchall()
    assert rows == [
        (batch["id"], batch["unit"], "lapsed", 1, "v1", MONDAY, 30, date(2026, 6, 4), False, 25,
         None)
    ]  # fmt: skip
    (earlier,) = statistics_for_warehouse(night.engine, "aozora", date(2026, 6, 3))
    assert earlier[7:] == (date(2026, 6, 3), False, 21, None)
    assert statistics_for_warehouse(night.engine, "aozora", date(2026, 6, 2)) == []


def test_a_figure_of_lines_that_cannot_be_is_no_more_than_all_of_them(night: Night) -> None:
    """LINE says that its statistics may be off; a page does not say 103 %."""
    ready(night, people=30).send()
    note(night, at(2, day=date(2026, 6, 3)), 31, 30)
    (found,) = statistics_for_warehouse(night.engine, "aozora", LATER)
    assert found[9:] == (30, 30)


@pytest.mark.parametrize(
    ("late", "is_frozen"), [(timedelta(seconds=-1), False), (timedelta(), True)]
)
def test_fourteen_days_and_a_day_of_grace_after_it_left_a_reading_is_the_last(
    night: Night, late: timedelta, is_frozen: bool
) -> None:
    ready(night, people=20).send()
    note(night, at(10, 5) + timedelta(days=15) + late, None)
    (row,) = statistics_for_warehouse(night.engine, "aozora", LATER)
    assert row[8:] == (is_frozen, None, None)


@pytest.mark.parametrize(("people", "rows"), [(19, 1), (20, 0)])
def test_fewer_people_than_line_ever_shows_are_hidden_without_asking(
    night: Night, people: int, rows: int
) -> None:
    ready(night, people=people).send()
    found = statistics_for_warehouse(night.engine, "aozora", LATER)
    assert [each[7:] for each in found] == [(None, True, None, None)] * rows


def test_a_block_is_told_with_its_hour_and_not_before_its_day(night: Night, tmp_path: Path) -> None:
    late = at(23, 30, day=date(2026, 6, 2))
    events = [
        Event(int(late.timestamp() * 1000), "e1", "unfollow", user(1)),
        Event(int(late.timestamp() * 1000), "e2", "follow", user(2)),
    ]
    keep(night.engine, "aozora", events, late)
    keep(night.engine, "hinata", [Event(1, "e3", "unfollow", user(3))], late)
    with laid_down(night, tmp_path, date(2026, 6, 2)) as con:
        rows = con.execute("from ledger.blocks").fetchall()
    assert rows == [(user(1), local(late))]
    assert blocks_for_warehouse(night.engine, "aozora", date(2026, 6, 1)) == []
