"""`tagline backtest`: what a rule would have sent, by what each night knew, and who came anyway."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from clinic_builder import Row, user, write_clinic
from nights import DBT, at, is_held_out, written_to
from rich.console import Console

from dagster_project import transform
from dagster_project.backtest.command import run_backtest
from dagster_project.backtest.nights import Backtest, NightCount, backtest
from dagster_project.backtest.outcome import Total
from dagster_project.clinic import clinic_in
from dagster_project.ingest import ingest_clinic
from dagster_project.insight.shares import Hidden, Share
from dagster_project.ledger.store import open_ledger
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build
from dagster_project.replay.past import ReplayError
from dagster_project.settings import Settings

CLINIC = "here"
LAPSED, FOLLOWUP = "lapsed_6_months", "checkup_followup"
FIRST, SECOND, CLOSED, OPEN, STEP_TWO = (date(2026, 6, day) for day in (1, 2, 4, 5, 15))
LAST = FIRST + timedelta(days=180)  # the first day after the pause of lapsed_6_months
NIGHTS = [FIRST, SECOND, CLOSED, OPEN, STEP_TWO, LAST - timedelta(days=1), LAST]
ROLES = [
    "came on the day", "came the day after", "came on the last day", "came too late",
    "visit told of late", "chart told of late", "link told of late", "link told of on thursday",
    "child", "other child", "came lately", "came lately and after step one",
    *(f"lapsed {n}" for n in range(10)),
]  # fmt: skip
NUMBERS = dict(zip(ROLES, written_to(CLINIC, "visit", len(ROLES)), strict=True))
HELD_OUT = next(n for n in range(1, 200) if is_held_out(CLINIC, "visit", str(n)))
PARENT = user(9999)


@dataclass(frozen=True)
class Tried:
    """A clinic with seven published nights, and what its nightly decided on the first."""

    settings: Settings
    decided: Mapping[str, Mapping[str, int]]

    def backtest(self, campaign: str, start: date = FIRST, end: date = LAST) -> Backtest:
        clinic = clinic_in(self.settings.exports_dir, CLINIC)
        manifest = transform.parse(self.settings.dbt_dir, self.settings.dbt_target_dir())
        return backtest(self.settings, clinic, manifest, campaign, start, end, lambda *_: None)


def row(role: str, **more: object) -> Row:
    return {"patient_no": str(NUMBERS[role]), **more}


def visit(role: str, day: date) -> Row:
    return row(role, visited_on=day)


def export(exports: Path, day: date, visits: Sequence[Row]) -> None:
    """Write what the clinic exports on a day; visits are new ones, the rest is all there is."""
    born = {"birth_date": "2018-03-02"}
    untold = {"chart told of late"} if day == FIRST else set()
    patients = [
        row(role, **born if "child" in role else {}) for role in ROLES if role not in untold
    ]
    unlinked = {"chart told of late", "link told of late"} if day == FIRST else set()
    unlinked |= {"link told of on thursday"} if day < CLOSED else set()
    write_clinic(
        exports,
        CLINIC,
        day,
        {
            "patients": [*patients, {"patient_no": str(HELD_OUT)}],
            "visits": visits,
            "observations": [
                row(role, observed_on="2026-05-30", item="sbp_mmhg", value=150, unit="mmHg")
                for role in ROLES
                if role.startswith("came lately")
            ],
            "line_links": [
                {"line_user_id": user(HELD_OUT), "patient_no": str(HELD_OUT)},
                *(
                    row(
                        role,
                        line_user_id=PARENT if "child" in role else user(NUMBERS[role]),
                        relation="parent" if "child" in role else "self",
                        consent_purposes="checkup" if "lately" in role else "visit",
                    )
                    for role in ROLES
                    if role not in unlinked
                ),
            ],
        },
        delta={"visits"},
        line={"channel": CLINIC, "monthly_limit": 200},
    )


@pytest.fixture(scope="module")
def tried(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    folder = tmp_path_factory.mktemp("backtest")
    here = Settings(data_dir=folder / "data", exports_dir=folder / "exports", business_day=LAST)
    here.data_dir.mkdir()
    (here.data_dir / "dbt").symlink_to(parsed)
    open_ledger(here.ledger())
    long_ago, lately = date(2025, 10, 1), date(2026, 5, 20)
    visits: dict[date, list[Row]] = {day: [] for day in NIGHTS}
    visits[FIRST] = [visit(role, lately if "lately" in role else long_ago) for role in ROLES]
    visits[FIRST] += [{"patient_no": str(HELD_OUT), "visited_on": long_ago}]
    visits[STEP_TWO] = [visit("came lately and after step one", date(2026, 6, 10))]
    visits[LAST] = [
        visit("came on the day", FIRST),
        visit("came the day after", FIRST + timedelta(days=1)),
        visit("came on the last day", FIRST + timedelta(days=30)),
        visit("came too late", FIRST + timedelta(days=31)),
    ]
    decided: dict[str, dict[str, int]] = {}
    for day in NIGHTS:
        if day == SECOND:  # of an earlier day than the first night's, and not there that night
            export(here.exports_dir, date(2026, 5, 30), [visit("visit told of late", lately)])
        export(here.exports_dir, day, visits[day])
        publish_night(here, day)
        if day == FIRST:
            decided = decide(here)
    return Tried(here, decided)


def publish_night(here: Settings, day: date) -> None:
    """Take in a night's exports and publish what it knew: all of it that a back-test looks at."""
    clinic = clinic_in(here.exports_dir, CLINIC)
    ingest_clinic(clinic, here.exports_dir / CLINIC, here.landing_dir(), day)
    published = here.published_path(CLINIC)
    work = here.work_path(CLINIC)
    prepare(work, Night(Build(CLINIC, "b", day, at(day, 2)), clinic, here.landing_dir(), published))
    published.parent.mkdir(parents=True, exist_ok=True)
    work.replace(published)


def decide(here: Settings) -> dict[str, dict[str, int]]:
    """Return how many patients dbt decides of for each reason, on a copy of the first night."""
    work = here.work_path(CLINIC)
    work.write_bytes(here.published_path(CLINIC).read_bytes())
    selection = ["--select", "+delivery_decisions", "--exclude-resource-type", "test"]
    results = transform.build(DBT, here.dbt_target_dir(), work, FIRST, selection)
    assert all(node.is_ok for node in results)
    found: dict[str, dict[str, int]] = {}
    with duckdb.connect(str(work), read_only=True) as con:
        query = "select campaign, reason, count(*) from delivery_decisions group by all"
        for campaign, reason, patients in con.execute(query).fetchall():
            found.setdefault(campaign, {})[reason] = patients
    return found


@pytest.fixture(scope="module")
def lapsed(tried: Tried) -> Backtest:
    return tried.backtest(LAPSED)


def night_of(found: Backtest, day: date) -> NightCount:
    return next(night for night in found.nights if night.day == day)


def test_the_first_night_decides_as_the_nightly_did(tried: Tried, lapsed: Backtest) -> None:
    assert night_of(lapsed, FIRST).reasons == tried.decided[LAPSED]
    followup = tried.backtest(FOLLOWUP, FIRST, FIRST)
    assert night_of(followup, FIRST).reasons == tried.decided[FOLLOWUP]


def test_no_night_knows_what_arrived_later(lapsed: Backtest) -> None:
    """A visit, a chart and a link are seen from the night that had them, whatever their date."""
    first, second = night_of(lapsed, FIRST), night_of(lapsed, SECOND)
    # All but the two who came lately, and the chart nobody had told of.
    assert first.members == len(ROLES) - 3 + 1
    assert first.reasons == {"send": len(ROLES) - 5, "no_link": 2, "holdout": 1}
    # The chart is in, and who turned out to have come on 20 May is out.
    assert second.members == first.members
    told = {"send": 2, "no_link": 1, "holdout": 1, "visited_recently": 1}
    assert second.reasons == told | {"already_this_cycle": len(ROLES) - 6}


def test_nothing_leaves_on_a_closed_day(lapsed: Backtest) -> None:
    assert night_of(lapsed, CLOSED).reasons["quiet_or_closed"] == 1
    assert "send" not in night_of(lapsed, CLOSED).reasons
    assert night_of(lapsed, OPEN).reasons["send"] == 1


def test_the_pause_counts_from_what_the_back_test_itself_sent(lapsed: Backtest) -> None:
    before, after = night_of(lapsed, NIGHTS[-2]), night_of(lapsed, LAST)
    assert "send" not in before.reasons
    # By the last night four have come; the other three who were told in June wait some days more.
    told_first = {role for role in ROLES if role.startswith(("lapsed", "child", "other child"))}
    assert after.reasons["send"] == len(told_first) + 1  # and the visit of 20 May is long ago again
    assert after.reasons["already_this_cycle"] == 3


def test_one_message_may_be_for_two_children(lapsed: Backtest) -> None:
    first = night_of(lapsed, FIRST)
    assert first.messages == first.reasons["send"] - 1


def test_who_came_is_counted_from_the_day_after_to_the_last_day(lapsed: Backtest) -> None:
    june, november, everything = lapsed.totals[0], lapsed.totals[1], lapsed.totals[-1]
    told = len(ROLES) - 2
    assert june == Total(date(2026, 6, 1), None, told - 1, told, told, 0, Share(2, told))
    sent = night_of(lapsed, LAST).reasons["send"]
    expected = Total(date(2026, 11, 1), None, sent - 1, sent, sent, sent, Hidden.NOT_YET)
    assert november == expected
    assert (everything.told, everything.people) == (told + sent, told)
    assert everything.came == Share(2, told)


def test_a_scenario_goes_on_with_who_did_not_come(tried: Tried) -> None:
    found = tried.backtest(FOLLOWUP, FIRST, STEP_TWO)
    assert night_of(found, FIRST).reasons["send"] == 2
    assert night_of(found, STEP_TWO).reasons["send"] == 1
    steps = {total.step: total for total in found.totals if total.step}
    assert {step: total.told for step, total in steps.items()} == {1: 2, 2: 1}
    assert steps[1].came == Hidden.TOO_FEW  # one of two: nobody is to be made out


def test_where_no_night_was_published_every_day_is_one(tried: Tried) -> None:
    found = tried.backtest(LAPSED, date(2026, 6, 6), date(2026, 6, 7))
    assert [night.day for night in found.nights] == [date(2026, 6, 6), date(2026, 6, 7)]
    assert not found.is_of_published


def files(folder: Path) -> dict[str, str]:
    """Every file but those of dbt's target folder, with a hash of its bytes."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def say(
    settings: Settings, campaign: str, start: date, end: date, csv_dir: Path | None = None
) -> tuple[int, str]:
    said = io.StringIO()
    console = Console(file=said, width=200)
    return run_backtest(settings, campaign, [], start, end, csv_dir, console), said.getvalue()


def test_it_is_said_and_written_down_and_nothing_else_changes(tried: Tried, tmp_path: Path) -> None:
    before = files(tried.settings.data_dir)
    code, said = say(tried.settings, LAPSED, FIRST, SECOND, tmp_path)
    assert files(tried.settings.data_dir) == before
    assert code == 0
    told = len(ROLES) - 3
    assert f"{100 * (told - 1) / 200:.1f} %" in said
    assert f"公開された夜 2、{FIRST} から {SECOND} まで" in said
    with (tmp_path / CLINIC / "backtest_nights.csv").open(encoding="utf-8-sig") as file:
        nights = list(csv.DictReader(file))
    assert [night["send"] for night in nights] == [str(told - 2), "2"]
    with (tmp_path / CLINIC / "backtest_totals.csv").open(encoding="utf-8-sig") as file:
        totals = list(csv.DictReader(file))
    assert (totals[-1]["messages"], totals[-1]["came"]) == (str(told - 1), "2")


def test_what_cannot_be_tried_says_why(tried: Tried, tmp_path: Path) -> None:
    code, said = say(tried.settings, "other", FIRST, LAST)
    assert code == 1
    assert "no campaign other" in said
    assert LAPSED in said
    code, said = say(tried.settings, LAPSED, date(2026, 5, 1), date(2026, 5, 31))
    assert code == 1
    assert "no export had arrived by then" in said
    with pytest.raises(ReplayError, match="is after --to"):
        tried.backtest(LAPSED, SECOND, FIRST)
    with pytest.raises(ReplayError, match="last published night"):
        tried.backtest(LAPSED, LAST + timedelta(days=1), LAST + timedelta(days=2))
    empty = tried.settings.model_copy(update={"data_dir": tmp_path})
    (tmp_path / "dbt").symlink_to(tried.settings.dbt_target_dir())
    code, said = say(empty, LAPSED, FIRST, LAST)
    assert code == 1
    assert "no published night" in said
