"""Acceptance D5, replay: a night gone by comes out again as it was published, or says why not."""

import hashlib
import io
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import chat
import duckdb
import pytest
import yaml
from click.testing import CliRunner
from clinic_builder import Row, write_clinic
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nights import DBT, World, at
from rich.console import Console

from dagster_project import transform
from dagster_project.cli import main
from dagster_project.clinic import clinic_in
from dagster_project.conversation.events import parse
from dagster_project.ingest import ingest_clinic
from dagster_project.ledger.conversation import issue_code, keep
from dagster_project.ledger.overrides import Wish, make, withdraw
from dagster_project.ledger.store import open_ledger
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build, publish, set_stage
from dagster_project.replay.command import run_replay
from dagster_project.replay.compare import NightCheck
from dagster_project.replay.rebuild import replay
from dagster_project.rules import rules_of
from dagster_project.settings import ROOT, Settings
from dagster_project.simulator import RunningSimulator

pytestmark = pytest.mark.long  # a month of nights, published and built again

CLINIC = "here"
DAYS = [date(2026, 6, day) for day in (1, 2, 3, 5, 6, 8)]
FIRST, SECOND, THIRD, FOURTH, FIFTH, LAST = DAYS
FAR = date(2026, 12, 31)
ILL, LATE, CORRECTED, REMOVED, ADDED = "1", "2", "3", "4", "5"
WRITES = "U" + "8" * 32
SAMPLE = ROOT / "dagster_project" / "sample"
HYPERTENSION, DIABETES = "8833421", "2500014"


def patients() -> list[Row]:
    return [{"patient_no": str(n), "birth_date": "1990-03-02"} for n in range(1, 21)]


def visits(day: date) -> list[Row]:
    return [{"patient_no": str(n), "visited_on": day - timedelta(days=n)} for n in range(1, 21)]


def diagnosed(who: str, code: str = HYPERTENSION, **more: object) -> Row:
    return {"patient_no": who, "code": code, "started_on": "2026-04-03", **more}


def replayed(settings: Settings, start: date, end: date) -> list[NightCheck]:
    return list(replay(settings, clinic_in(settings.exports_dir, CLINIC), start, end))


def say(settings: Settings, start: date, end: date, *clinics: str) -> tuple[int, str]:
    said = io.StringIO()
    code = run_replay(settings, clinics, start, end, Console(file=said, width=250))
    return code, said.getvalue()


@dataclass
class Lived:
    """A clinic that has lived some nights, and the tags that each of them published."""

    world: World
    settings: Settings
    tags: dict[date, list[tuple[object, ...]]] = field(default_factory=dict)

    def night(self, day: date, *, code: int = 0) -> None:
        self.world.said.clear()
        assert self.world.nightly(day) == code, self.world.text()
        if code == 0:
            query = "select tag, patient_id, state, since from patient_tags order by all"
            self.tags[day] = self.world.published(CLINIC, query)

    def copy(self, folder: Path, dbt_dir: Path = DBT) -> Settings:
        """Return the same installation elsewhere, to be tampered with."""
        shutil.copytree(self.settings.data_dir, folder / "data", symlinks=True)
        shutil.copytree(self.settings.exports_dir, folder / "exports")
        if dbt_dir != DBT:
            (folder / "data" / "dbt").unlink()
        places = {"data_dir": folder / "data", "exports_dir": folder / "exports"}
        return self.settings.model_copy(update={**places, "dbt_dir": dbt_dir})


@pytest.fixture(scope="module")
def lived(parsed: Path, line: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Return a clinic after six nights in which everything came late, wrong or by hand."""
    line.state.channels.clear()
    world = World(tmp_path_factory.mktemp("replay") / "world", line, parsed)
    here = Lived(world, world.settings(LAST))
    ledger = open_ledger(here.settings.ledger())

    def export(day: date, conditions: Sequence[Row], **more: Sequence[Row]) -> Path:
        rows = {"patients": patients(), "visits": visits(day), "conditions": conditions, **more}
        return write_clinic(world.exports, CLINIC, day, rows, delta={"conditions", "observations"})

    def by_hand(day: date, who: str, tag: str, action: str, until: date) -> int:
        wish = Wish(who, tag, action, "r", "b", until)  # type: ignore[arg-type]
        return make(ledger, CLINIC, [wish], day, at(day, 15)).ids[0]

    shutil.copytree(SAMPLE / "questionnaires", world.exports / CLINIC / "questionnaires")

    def tell(choice: str, moment: datetime) -> None:
        told = chat.tap(f"answer:intake:v1:department:{choice}", WRITES, moment)
        keep(ledger, CLINIC, [each.event for each in parse(chat.body([told]))], moment)

    code = issue_code(ledger, CLINIC, ["8"], "self", "b", at(FIRST, 0))
    linked = chat.text(code, WRITES, at(FIRST, 0, 30))
    keep(ledger, CLINIC, [each.event for each in parse(chat.body([linked]))], at(FIRST, 0, 30))
    tell("internal", at(FIRST, 1))
    export(FIRST, [diagnosed(ILL)])
    here.night(FIRST)
    tell("orthopedics", at(FIRST, 15))  # after the night, as below: it counts tomorrow
    # After the night, on the same business day: a file, and an override. They count tomorrow.
    late = world.exports / CLINIC / "conditions_20260529.csv"
    header = (world.exports / CLINIC / f"conditions_{FIRST:%Y%m%d}.csv").read_text().splitlines()[0]
    late.write_text(f"{header}\n{LATE},{HYPERTENSION},mhlw,2026-04-03,,continued,\n")
    world.send(FIRST, at(FIRST, 11))  # takes in what has come, and builds nothing
    by_hand(FIRST, REMOVED, "sex_female", "remove", THIRD)

    folder = export(SECOND, [])
    here.night(SECOND)
    withdrawn = by_hand(SECOND, ADDED, "diabetes", "add", FAR)

    # A file nobody can read stops the third night; corrected, it counts from the fourth.
    export(THIRD, [diagnosed(CORRECTED)])
    broken = folder / f"conditions_{THIRD:%Y%m%d}.csv"
    good = broken.read_bytes()
    broken.write_bytes(good.replace(b"2026-04-03", b"2026-04-31"))
    here.night(THIRD, code=3)
    broken.write_bytes(good)
    export(FOURTH, [])
    here.night(FOURTH)
    withdraw(ledger, withdrawn, "b", FOURTH, at(FOURTH, 15))

    # The fifth night is built twice: the second takes the first one's place.
    export(FIFTH, [diagnosed(ILL, outcome="cured")])
    here.night(FIFTH)
    export(FIFTH, [diagnosed(ILL, outcome="cured"), diagnosed("6", DIABETES)])
    here.night(FIFTH)

    pressure = {"patient_no": "7", "observed_on": FIFTH, "item": "sbp_mmhg", "value": 150}
    export(LAST, [], observations=[pressure])
    here.night(LAST)
    return here


def held(lived: Lived, day: date, tag: str) -> set[object]:
    return {who for name, who, state, _ in lived.tags[day] if (name, state) == (tag, "has")}


def test_the_nights_were_as_eventful_as_they_are_meant_to_be(lived: Lived) -> None:
    assert held(lived, FIRST, "hypertension") == {ILL}
    assert held(lived, SECOND, "hypertension") == {ILL, LATE}
    assert held(lived, FOURTH, "hypertension") == {ILL, LATE, CORRECTED}
    assert held(lived, FIFTH, "hypertension") == {LATE, CORRECTED}
    women = [len(held(lived, day, "sex_female")) for day in (FIRST, SECOND, FOURTH)]
    assert women == [20, 19, 20]
    asks = [held(lived, FIRST, f"asks_{each}") for each in ("internal_medicine", "orthopedics")]
    assert asks == [{"8"}, set()]
    assert held(lived, SECOND, "asks_orthopedics") == {"8"}
    added = [held(lived, day, "diabetes") for day in (SECOND, FOURTH, FIFTH)]
    assert added == [set(), {ADDED}, {"6"}]


def files(folder: Path) -> dict[str, str]:
    """Every file but those of dbt's target folder, with a hash of its bytes."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_d5_every_night_comes_out_as_it_was_published_and_nothing_is_written(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command, which says a line for each night; the third was never published."""
    monkeypatch.setenv("TAGLINE_DATA_DIR", str(lived.settings.data_dir))
    monkeypatch.setenv("TAGLINE_EXPORTS_DIR", str(lived.settings.exports_dir))
    before = files(lived.world.folder)
    days = ["--from", str(FIRST), "--to", str(LAST)]
    done = CliRunner().invoke(main, ["replay", *days, "--clinic", CLINIC])
    assert done.exit_code == 0, done.output
    assert "5 夜すべて公開と同じです" in done.output
    lines = [line.split() for line in done.output.splitlines() if line.startswith(" 2026")]
    expected = []
    for day in (FIRST, SECOND, FOURTH, FIFTH, LAST):
        # Of the last night also who could not be told.
        rows = [row for row in lived.tags[day] if row[2] == "has" or day == LAST]
        assert len(rows) > 50
        expected.append([str(day), *[f"{len(rows):,}"] * 3, *"000"])
    assert lines == expected
    assert files(lived.world.folder) == before


def test_what_no_change_explains_is_a_fault_by_tag_and_patient(
    lived: Lived, tmp_path: Path
) -> None:
    here = lived.copy(tmp_path)
    with duckdb.connect(str(here.published_path(CLINIC))) as con:
        query = "update meta.source_files set known_on = ? where name = 'conditions_20260529.csv'"
        con.execute(query, [FIRST]).fetchall()
    code, said = say(here, FIRST, FIRST)
    assert code == 1
    assert "高血圧 (hypertension): 2026-06-01、公開のみ 0、再現のみ 1、説明できない、患者 2" in said
    assert "differences that no change of a rule explains" in said
    # Had another rule decided on that day, and on that day alone, it would be the rule's.
    with duckdb.connect(str(here.published_path(CLINIC))) as con:
        for tag in ("hypertension", "under_treatment"):
            con.execute(
                "update meta.rule_history set on_day = ? where tag = ?", [SECOND, tag]
            ).fetchall()
            con.execute("insert into meta.rule_history values (?, 'v0', ?)", [tag, FIRST])
    code, said = say(here, FIRST, FIRST)
    assert code == 0
    assert "高血圧 (hypertension): 2026-06-01、公開のみ 0、再現のみ 1、規則 / rule v0 → " in said


def test_an_edited_rule_is_told_as_the_rules_doing(lived: Lived, tmp_path: Path) -> None:
    dbt_dir = tmp_path / "dbt"
    shutil.copytree(DBT, dbt_dir, ignore=shutil.ignore_patterns("logs", "target"))
    thresholds = dbt_dir / "seeds" / "observation_thresholds.csv"
    text = thresholds.read_text(encoding="utf-8")
    assert "sbp_mmhg,any,140," in text
    thresholds.write_text(text.replace("sbp_mmhg,any,140,", "sbp_mmhg,any,160,"), encoding="utf-8")
    code, said = say(lived.copy(tmp_path / "copy", dbt_dir), LAST, LAST)
    assert code == 0
    assert (
        "血圧が基準以上 (blood_pressure_over_threshold): 2026-06-08、公開のみ 1、再現のみ 0、規則"
        in said
    )
    assert "違いはすべて変更で説明できます" in said


def test_another_clinic_yaml_is_told_apart(lived: Lived, tmp_path: Path) -> None:
    here = lived.copy(tmp_path)
    path = here.exports_dir / CLINIC / "clinic.yaml"
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    said["departments"]["内科"] = "09"
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    code, out = say(here, FIRST, FIRST)
    assert code == 0
    assert "(department_internal_medicine): 2026-06-01、公開のみ 20、再現のみ 0、clinic.yaml" in out
    assert "(department_pediatrics): 2026-06-01、公開のみ 0、再現のみ 20、clinic.yaml" in out


def test_days_without_a_published_night_are_built_from_what_had_been_read_by_then(
    lived: Lived,
) -> None:
    """The late file was read on the first day; the list of the third was not, nor corrected."""
    code, said = say(lived.settings, THIRD, THIRD + timedelta(days=1))
    assert code == 0
    assert said.count("公開なし") == 2
    assert "比べるものがありません" in said


def test_what_cannot_be_replayed_says_why(lived: Lived, tmp_path: Path) -> None:
    def refused(here: Settings, start: date, end: date, *clinics: str) -> str:
        code, said = say(here, start, end, *clinics)
        assert code == 1
        return said

    assert "--from 2026-06-08 は --to 2026-06-01 より後です" in refused(lived.settings, LAST, FIRST)
    after = LAST + timedelta(days=1)
    assert "公開された最後の夜は 2026-06-08 です" in refused(lived.settings, after, after)
    assert "no clinic there; there: here" in refused(lived.settings, FIRST, LAST, "there")
    here = lived.copy(tmp_path)
    stored = here.landing_dir() / CLINIC / "conditions"
    (stored / min(path.name for path in stored.iterdir())).unlink()
    assert "1 landing files that were counted then are gone" in refused(here, FIRST, LAST)
    here.published_path(CLINIC).unlink()
    assert "まだ公開された夜がありません" in refused(here, FIRST, LAST)


# --- Any history ----------------------------------------------------------------------------


def light_night(here: Settings, day: date, overrides: Sequence[tuple[object, ...]]) -> None:
    """Take in, build and publish the tags of one night: all of it that a replay looks at."""
    clinic = clinic_in(here.exports_dir, CLINIC)
    ingest_clinic(clinic, here.exports_dir / CLINIC, here.landing_dir(), day)
    build = Build(CLINIC, f"{day}", day, at(day, 2))
    published, work = here.published_path(CLINIC), here.work_path(CLINIC)
    rules = rules_of(transform.parse(here.dbt_dir, here.dbt_target_dir()))
    night = Night(build, clinic, here.landing_dir(), published, rules, overrides=overrides)
    prepare(work, night)
    selection = ["--select", "+tag_history", "--exclude-resource-type", "test"]
    results = transform.build(here.dbt_dir, here.dbt_target_dir(), work, day, selection)
    assert results
    assert all(node.is_ok for node in results)
    with duckdb.connect(str(work)) as con:
        set_stage(con, build, "decided")
    publish(work, published)


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 10_000))
def test_d5_however_events_fall_on_nights_each_night_comes_out_again(
    parsed: Path, seed: int
) -> None:
    """Events arrive on time, late, or again with another word; overrides come and go."""
    chance = Random(seed)  # noqa: S311
    days = [FIRST + timedelta(days=n) for n in sorted(chance.sample(range(8), 3))]
    with tempfile.TemporaryDirectory() as name:
        here = Settings(data_dir=Path(name) / "data", exports_dir=Path(name) / "exports")
        here.data_dir.mkdir()
        (here.data_dir / "dbt").symlink_to(parsed)
        overrides: list[tuple[object, ...]] = []
        for day in days:
            for stands_for in {day, *(day - timedelta(days=chance.randint(1, 9)) for _ in "ab")}:
                rows = {
                    "patients": patients(),
                    "visits": visits(stands_for),
                    "conditions": [
                        diagnosed(
                            str(chance.randint(1, 20)),
                            chance.choice([HYPERTENSION, DIABETES]),
                            outcome=chance.choice(["continued", "cured"]),
                        )
                        for _ in range(6)
                    ],
                }
                write_clinic(here.exports_dir, CLINIC, stands_for, rows, delta={"conditions"})
            light_night(here, day, overrides)
            # Made, and some withdrawn, on this business day, after its night.
            for at_hand, (number, *what, withdrawn_on) in enumerate(overrides):
                if withdrawn_on is None and chance.random() < 0.5:
                    overrides[at_hand] = (number, *what, day)
            who, until = str(chance.randint(1, 20)), day + timedelta(days=chance.randint(0, 9))
            action = chance.choice(["add", "remove"])
            made = (len(overrides) + 1, who, "hypertension", action, day, until, None)
            overrides.append(made)
        nights = replayed(here, days[0], days[-1])
    assert [night.day for night in nights] == days
    assert [night.differences for night in nights] == [[]] * len(days)
