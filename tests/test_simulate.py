"""Acceptance D15 at its size: `tagline simulate` over 180 nights, and what it says of nobody."""

from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest
from nights import DBT, MONDAY

from dagster_project import transform
from dagster_project.settings import Settings
from dagster_project.simulate import nights
from dagster_project.simulate.nights import NightCount, SimulateError, simulate


def settings(data: Path, parsed: Path) -> Settings:
    data.mkdir()
    (data / "dbt").symlink_to(parsed)
    return Settings(data_dir=data, business_day=MONDAY)


def test_d15_two_hundred_hear_493_messages(tmp_path: Path, parsed: Path) -> None:
    manifest = transform.parse(DBT, parsed)
    given = settings(tmp_path / "data", parsed)
    lived = list(simulate(given, manifest, "checkup_followup", 180, 200, 1))
    events: Counter[str] = Counter()
    sent: Counter[int] = Counter()
    for night in lived:
        events.update(night.events)
        sent.update(night.sent)
    assert len(lived) == 180
    assert sent == {1: 200, 2: 158, 3: 135}
    # Every entrant has ended in one way.
    assert events == {"entered": 200, "goal": 58, "blocked": 7, "completed": 135}
    assert sum(night.late for night in lived) == 1
    assert lived[-1].active == 0
    assert sorted(path.name for path in given.data_dir.iterdir()) == ["dbt"]


@pytest.mark.parametrize("campaign", ["checkup_followup", "lapsed_6_months"])
def test_a_night_without_news_or_turns_is_what_it_would_be_if_all_were_decided(
    tmp_path: Path, parsed: Path, monkeypatch: pytest.MonkeyPatch, campaign: str
) -> None:
    manifest = transform.parse(DBT, parsed)
    given = settings(tmp_path / "data", parsed)

    def lived() -> list[NightCount]:
        return list(simulate(given, manifest, campaign, 40, 60, 3))

    quick = lived()

    def everything(con: duckdb.DuckDBPyConnection, day: date, *, has_news: bool) -> NightCount:
        for name in (*nights.INPUTS, nights.REACHED):
            nights._fill(con, name, day)
        decided = night(con, day, has_news=has_news)
        if not decided.sent:
            assert nights._decide(con, day) == []
        return decided

    night = nights._night
    monkeypatch.setattr(nights, "_night", everything)
    assert lived() == quick
    assert sum(sum(each.sent.values()) for each in quick) > 50


def test_a_campaign_that_is_not_there_is_an_error(tmp_path: Path, parsed: Path) -> None:
    given = settings(tmp_path / "data", parsed)
    with pytest.raises(SimulateError, match="no campaign other"):
        list(simulate(given, transform.parse(DBT, parsed), "other", 1, 1, 1))
