"""A machine that slept between two steps of the sender: what was true before is not true after."""

from datetime import timedelta
from pathlib import Path

import pytest
from delivery_fixtures import Night, a_night, ready


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
