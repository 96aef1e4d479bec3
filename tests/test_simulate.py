"""Acceptance D15 at its size: `tagline simulate` over 180 nights, and what it says of nobody."""

from collections import Counter
from pathlib import Path

import pytest
from nights import DBT, MONDAY

from dagster_project import transform
from dagster_project.settings import Settings
from dagster_project.simulate.nights import SimulateError, simulate


def settings(data: Path, parsed: Path) -> Settings:
    data.mkdir()
    (data / "dbt").symlink_to(parsed)
    return Settings(data_dir=data, business_day=MONDAY)


def test_d15_two_hundred_hear_493_messages(tmp_path: Path, parsed: Path) -> None:
    manifest = transform.parse(DBT, parsed)
    given = settings(tmp_path / "data", parsed)
    nights = list(simulate(given, manifest, "checkup_followup", 180, 200, 1))
    events: Counter[str] = Counter()
    sent: Counter[int] = Counter()
    for night in nights:
        events.update(night.events)
        sent.update(night.sent)
    assert len(nights) == 180
    assert sent == {1: 200, 2: 158, 3: 135}
    # Every entrant has ended in one way.
    assert events == {"entered": 200, "goal": 58, "blocked": 7, "completed": 135}
    assert sum(night.late for night in nights) == 1
    assert nights[-1].active == 0
    assert sorted(path.name for path in given.data_dir.iterdir()) == ["dbt"]


def test_a_campaign_that_is_not_there_is_an_error(tmp_path: Path, parsed: Path) -> None:
    given = settings(tmp_path / "data", parsed)
    with pytest.raises(SimulateError, match="no campaign other"):
        list(simulate(given, transform.parse(DBT, parsed), "other", 1, 1, 1))
