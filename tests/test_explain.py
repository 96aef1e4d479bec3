"""Acceptance D23: why one patient did, or did not, hear from the clinic."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from clinic_builder import Row, user
from nights import MONDAY, World, at

from dagster_project.insight.ask import ask
from dagster_project.insight.explain import explain
from dagster_project.ledger.overrides import Wish, make
from dagster_project.ledger.store import open_ledger

WHO = "00123"
TUESDAY, WEDNESDAY, FRIDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 4))


def rows(booked_on: date | None) -> dict[str, list[Row]]:
    """One patient whose last two pressures average 148, and a crowd without any."""
    patients: list[Row] = [{"patient_no": WHO}, *({"patient_no": str(n)} for n in range(1, 31))]
    return {
        "patients": patients,
        "visits": [{"patient_no": p["patient_no"], "visited_on": "2026-05-01"} for p in patients],
        "conditions": [{"patient_no": WHO, "code": "8833421", "started_on": "2026-04-03"}],
        "observations": [
            {"patient_no": WHO, "observed_on": day, "item": "sbp_mmhg", "value": value}
            for day, value in (("2026-04-01", 146), ("2026-04-03", 150))
        ],
        "appointments": [{"patient_no": WHO, "scheduled_on": booked_on}] if booked_on else [],
        "line_links": [{"line_user_id": user(123), "patient_no": WHO}],
    }


@pytest.fixture(scope="module")
def booked_once(begin: Callable[[], World]) -> World:
    world = begin()
    world.write("here", MONDAY, rows(date(2026, 6, 10)))
    assert world.nightly() == 0
    assert world.calls("here") == 0
    return world


@pytest.fixture
def booked(booked_once: World) -> World:
    """Return a clinic whose patient has a booking; to ask about it changes nothing."""
    booked_once.said.clear()
    return booked_once


def answer(world: World, *, tag: str | None = None, campaign: str | None = None) -> str:
    settings = world.settings(MONDAY)
    assert ask(settings, [], WHO, tag, campaign, None, world._console()) == 0
    return world.text()


def test_d23_the_booking_is_the_one_reason_with_its_day(booked: World) -> None:
    said = answer(booked)
    assert "高血圧 (hypertension) = 該当 (2026-04-03 から) / yes since 2026-04-03" in said
    # Both readings, each with the line it stands on.
    newest, before = (line for line in said.splitlines() if "[stg_observations" in line)
    mean = "150.0 and 146.0 on 2026-04-01"
    assert "収縮期血圧 148.0 (今回の 150.0 と 2026-04-01 の 146.0 の平均)" in newest
    assert f"sbp_mmhg 148.0 (mean of {mean}) 2026-04-03 (基準 140.0 以上 / >= 140.0)" in newest
    assert "[stg_observations observations_20260601.csv:3]" in newest
    assert "収縮期血圧 146.0 / sbp_mmhg 146.0 2026-04-01" in before
    assert "[stg_observations observations_20260601.csv:2]" in before
    checkup = said.split("(lifestyle_checkup): ")[1].splitlines()
    assert checkup[0] == "送らない / not sent — 予約あり 2026-06-10 / booked 2026-06-10"
    assert checkup[1].strip() == "対象の条件 / segment: 当てはまる / yes hypertension"
    assert "業務日 2026-06-01" in said


def test_a_tag_that_is_lacking_shows_what_was_looked_at(booked: World) -> None:
    said = answer(booked, tag="age_0_5")
    assert "0〜5歳 (age_0_5) = 該当しない / no" in said
    assert "age_years=56" in said
    assert "birth_date" not in said
    assert "規則 / rule" in said
    booked.said.clear()
    assert "見た記録なし" in answer(booked, tag="diabetes")


def test_the_rule_version_is_the_one_of_the_night(booked: World) -> None:
    ((version,),) = booked.published(
        "here", "select rule_version from meta.rule_versions where tag = 'hypertension'"
    )
    assert f"規則 / rule {version}: " in answer(booked, tag="hypertension")


@dataclass(frozen=True)
class Then:
    """A clinic whose patient was written to, healed and booked, each on a day of its own."""

    world: World
    on_monday: str  # the answer of that day itself

    def ask(self, day: date, *, tag: str | None = None, campaign: str | None = None) -> str:
        self.world.said.clear()
        settings = self.world.settings(FRIDAY)
        ask(settings, ["here"], WHO, tag, campaign, day, self.world._console())
        return self.world.text()


@pytest.fixture(scope="module")
def then(begin: Callable[[], World]) -> Then:
    world = begin()
    ledger = open_ledger(world.settings(MONDAY).ledger())
    healed = {"patient_no": WHO, "code": "8833421", "started_on": "2026-04-03", "outcome": "cured"}
    nights: dict[date, dict[str, list[Row]]] = {
        MONDAY: rows(None),
        TUESDAY: rows(date(2026, 6, 10)),
        FRIDAY: {**rows(None), "conditions": [healed]},
    }
    for day, exported in nights.items():
        came = [*exported["visits"], {"patient_no": "1", "visited_on": day}]
        world.write("here", day, {**exported, "visits": came})
        assert world.nightly(day) == 0, world.text()
        if day == MONDAY:
            assert world.received("here") == {user(123): 1}
            world.said.clear()
            on_monday = answer(world)
            # After the night: it counts from the next one.
            wish = Wish("123", "diabetes", "add", "r", "b", WEDNESDAY)
            make(ledger, "here", [wish], MONDAY, at(MONDAY, 15))
    return Then(world, on_monday)


def test_without_the_booking_the_answer_is_that_it_was_sent(then: Then) -> None:
    assert "生活習慣病の定期検診 (lifestyle_checkup): 送る / send" in then.on_monday


def test_an_earlier_day_is_answered_from_the_history(then: Then) -> None:
    monday = then.ask(MONDAY, tag="hypertension")
    assert "高血圧 (hypertension) = 該当 / yes" in monday
    assert "held: 2026-06-01 〜 2026-06-05" in monday
    assert "業務日 2026-06-01" in monday
    # No night of Wednesday was published: Tuesday's stood.
    wednesday = then.ask(WEDNESDAY, tag="hypertension")
    assert "= 該当 / yes" in wednesday
    assert "業務日 2026-06-02" in wednesday
    assert "= 該当しない / no" in then.ask(FRIDAY, tag="hypertension")
    # The history does not tell who lacked a tag from who could not be told to have it.
    unknown = "= 該当せず、または判定不能 / no or unknown"
    assert unknown in then.ask(MONDAY, tag="glucose_over_threshold")
    assert unknown in then.ask(MONDAY, tag="age_0_5")
    before = then.ask(MONDAY - timedelta(days=1), tag="hypertension")
    assert "2026-05-31 に公開されていた夜の記録がありません" in before


def test_of_an_earlier_day_it_says_what_was_decided_and_what_became_of_it(then: Then) -> None:
    def said(day: date) -> str:
        return then.ask(day, campaign="lifestyle_checkup").split("(lifestyle_checkup): ")[1]

    sent = "送る / send — 送信 / send\n    台帳 / ledger: 送信済 / accepted"
    assert said(MONDAY).startswith(sent)
    booked = "送らない / not sent — 予約あり 2026-06-10 / booked 2026-06-10\n"
    assert said(TUESDAY) == said(WEDNESDAY) == booked
    # Without the diagnosis only the waist could tell, and that was never measured.
    open_yet = "送らない / not sent — 記録が足りず対象か言えない / unknown\n"
    assert said(FRIDAY) == open_yet


def test_of_an_earlier_day_it_says_who_set_a_tag_by_hand_as_the_night_knew_it(then: Then) -> None:
    assert "added by hand" not in then.ask(MONDAY, tag="diabetes")
    tuesday = then.ask(TUESDAY, tag="diabetes")
    assert "糖尿病 (diabetes) = 該当 / yes" in tuesday
    assert "added by hand until 2026-06-03 2026-06-01 [override ledger:1]" in tuesday


def test_a_past_night_is_told_with_the_rule_that_was_in_force(then: Then, tmp_path: Path) -> None:
    settings = then.world.settings(FRIDAY)
    path = tmp_path / "warehouse.duckdb"
    shutil.copyfile(settings.published_path("here"), path)
    with duckdb.connect(str(path)) as con:
        con.execute("update meta.rule_versions set rule_version = 'v3' where tag = 'diabetes'")
        con.execute(
            "insert into meta.rule_history values ('diabetes', 'v2', ?), ('diabetes', 'v3', ?)",
            [TUESDAY, FRIDAY],
        ).fetchall()

    def told(day: date, tag: str = "diabetes") -> tuple[str | None, bool]:
        (answer,) = explain(path, WHO, tag, None, day).tags
        return answer.rule_version, "edited since" in answer.rule

    assert told(MONDAY)[0] not in {"v2", "v3", None}
    assert told(WEDNESDAY) == ("v2", True)
    assert told(FRIDAY) == ("v3", False)
    assert not told(MONDAY, "hypertension")[1]


def test_who_or_what_does_not_exist_is_said_so(booked: World) -> None:
    settings, console = booked.settings(MONDAY), booked._console()
    assert ask(settings, [], "99999", None, None, None, console) == 1
    assert "どの医院の患者一覧にもいません" in booked.text()
    assert ask(settings, [], WHO, "no_such_tag", None, None, console) == 1
    assert "no tag no_such_tag" in booked.text()


def test_the_answer_loads_neither_dagster_nor_dbt(booked: World) -> None:
    """They take seconds; the answer has two."""
    code = (
        "import sys; from pathlib import Path; from datetime import date\n"
        "from dagster_project.insight.ask import ask\n"
        "from dagster_project.settings import Settings\n"
        "from rich.console import Console\n"
        "s = Settings(data_dir=Path(sys.argv[1]), exports_dir=Path(sys.argv[2]))\n"
        f"ask(s, [], '{WHO}', None, None, None, Console())\n"
        "slow = {'dagster', 'dbt', 'great_expectations', 'linebot', 'pandas'}\n"
        "sys.exit(str(slow & sys.modules.keys()) if slow & sys.modules.keys() else 0)"
    )
    folders = [str(booked.folder / "data"), str(booked.exports)]
    done = subprocess.run(
        [sys.executable, "-c", code, *folders], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "予約あり" in done.stdout
