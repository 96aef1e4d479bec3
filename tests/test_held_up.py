"""A machine that slept between two steps of the sender: what was true before is not true after."""

from datetime import timedelta
from pathlib import Path

import pytest
from delivery_fixtures import MESSAGES, Night, ScriptedLine, a_night, plan_rows, ready, users
from published_nights import publish_night

from dagster_project.delivery.run import DeliveryReport, deliver


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return ready(a_night(tmp_path))


@pytest.mark.parametrize(("asleep", "sent"), [(timedelta(seconds=59), 1), (timedelta(hours=25), 0)])
def test_a_try_held_up_before_its_first_byte_does_not_leave(
    night: Night, asleep: timedelta, sent: int
) -> None:
    awake, calls = night.clock, []

    def clock():
        # The machine sleeps right after the try was committed, before the bytes leave.
        if night.batches()[0]["state"] == "sending" and not calls:
            calls.append(1)
            awake.now += asleep
        return awake.now

    night.clock = clock  # type: ignore[assignment]
    clock.sleep = awake.sleep  # type: ignore[attr-defined]
    night.send()
    assert len(night.line.sent) == sent
    assert night.batches()[0]["state"] == ("accepted" if sent else "frozen")


def delivered(night: Night, path: Path, took: timedelta = timedelta()) -> DeliveryReport:
    """Deliver three campaigns' messages to one person each, LINE taking so long for each."""
    people = users(3)
    rows = [plan_rows([each], f"c{n}", n)[0] for n, each in enumerate(people)]
    publish_night(path, night.build, rows)
    night.plan(rows)

    class Slow(ScriptedLine):
        def send(self, body, retry_key):
            night.clock.now += took
            return super().send(body, retry_key)

    return deliver(
        night.engine,
        night.clinic,
        path,
        {(row.line_user_id, row.patient_ids, row.purpose) for row in rows},
        MESSAGES,
        Slow(),
        night.clock,
        night.clock.sleep,
    )


@pytest.mark.parametrize(
    ("took", "sent"), [(timedelta(minutes=10), 2), (timedelta(minutes=10, seconds=1), 1)]
)
def test_ten_minutes_after_the_gate_was_asked_nothing_new_leaves(
    tmp_path: Path, took: timedelta, sent: int
) -> None:
    night, path = a_night(tmp_path), tmp_path / "published.duckdb"
    first = delivered(night, path, took)
    assert (first.sent.accepted, first.sent.deferred, first.sent.stopped) == (sent, 3 - sent, None)
    assert delivered(night, path).ledger.accepted == 3
