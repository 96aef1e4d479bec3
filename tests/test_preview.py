"""Acceptance D6: what an edited rule would change, before it goes live."""

import hashlib
import io
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from clinic_builder import Row, user, write_clinic
from nights import DBT, MONDAY, at, parsed_but_for_changes
from rich.console import Console

from dagster_project import transform
from dagster_project.cli import main
from dagster_project.clinic import clinic_in, load_clinic
from dagster_project.ingest import ingest_clinic
from dagster_project.ledger.store import open_ledger
from dagster_project.prepare import Night, prepare
from dagster_project.preview.changes import find_changes
from dagster_project.preview.command import run_preview
from dagster_project.preview.compare import Preview, preview
from dagster_project.preview.scratch import open_published
from dagster_project.publish import Build, publish, set_stage
from dagster_project.rules import rules_of
from dagster_project.settings import Settings

CLINIC = "here"
BP = "blood_pressure_over_threshold"
THRESHOLDS = "seeds/observation_thresholds.csv"
FREQUENT = "models/tags/visits/tag_visits_frequent.sql"
SEGMENT = "campaigns/lifestyle_checkup/seg_lifestyle_checkup"
CYCLES = {"lifestyle_checkup": 6, "checkup_followup": 6}  # months from one message to the next
PATIENTS = range(240)


def number(n: int) -> str:
    """Nine digits: a pseudonym of eight can never hold one."""
    return f"{600000000 + n}"


def readings(n: int) -> tuple[int, int] | None:
    """The last two systolic pressures; a tenth of the patients were never measured."""
    return None if n % 10 == 9 else (100 + n * 7 % 71, 101 + n * 13 % 67)


def visits(n: int) -> int:
    return 1 + n % 8


def is_linked(n: int) -> bool:
    return n % 3 == 0


def over(threshold: float) -> set[int]:
    """The rule, told independently: the mean of the last two readings."""
    return {n for n in PATIENTS if (two := readings(n)) and sum(two) / 2 >= threshold}


def rows(too_high: int = 0) -> dict[str, list[Row]]:
    measured = [(n, two) for n in PATIENTS if (two := readings(n))]
    return {
        "patients": [{"patient_no": number(n)} for n in PATIENTS],
        "visits": [
            {"patient_no": number(n), "visited_on": f"2026-{month:02}-07"}
            for n in PATIENTS
            for month in range(5, 5 - min(visits(n), 5), -1)
        ]
        + [
            {"patient_no": number(n), "visited_on": f"2025-{month:02}-07"}
            for n in PATIENTS
            for month in range(12, 12 - max(visits(n) - 5, 0), -1)
        ],
        "observations": [
            {
                "patient_no": number(n),
                "observed_on": day,
                "item": "sbp_mmhg",
                "value": value + too_high,
            }
            for n, two in measured
            for day, value in zip(("2026-04-01", "2026-05-07"), two, strict=True)
        ],
        "line_links": [
            {"line_user_id": user(n), "patient_no": number(n)} for n in PATIENTS if is_linked(n)
        ],
    }


@dataclass
class Here:
    """An installation with one published night and a dbt folder of its own to edit."""

    settings: Settings

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.settings.dbt_dir / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def preview(self, tag: str | None = None) -> Preview:
        dbt_dir, target = self.settings.dbt_dir, self.settings.dbt_target_dir()
        manifest = transform.parse_again(dbt_dir, target)
        clinic = clinic_in(self.settings.exports_dir, CLINIC)
        return preview(self.settings, clinic, manifest, rules_of(manifest), tag)

    def say(
        self, tag: str | None = None, *, markdown: bool = False, settings: Settings | None = None
    ) -> tuple[int, str]:
        said = io.StringIO()
        console = Console(file=said, width=200)
        status = run_preview(settings or self.settings, tag, [], console, markdown=markdown)
        return status, said.getvalue()

    def files(self) -> dict[str, str]:
        """Every file but those in dbt's target folder, with a hash of its bytes."""
        target = self.settings.dbt_target_dir()
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in self.settings.data_dir.parent.rglob("*")
            if not path.is_relative_to(target)
        }


@pytest.fixture(scope="module")
def installed(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> Here:
    """Return the installation; its check-up campaign stands on blood pressure, too."""
    folder = tmp_path_factory.mktemp("preview")
    settings = Settings(
        data_dir=folder / "data", exports_dir=folder / "exports", dbt_dir=folder / "dbt",
        business_day=MONDAY,
    )  # fmt: skip
    shutil.copytree(DBT, settings.dbt_dir, ignore=shutil.ignore_patterns("logs", "target"))
    here = Here(settings)
    here.edit(f"{SEGMENT}.sql", "('hypertension',", f"('{BP}', 'hypertension',")
    here.edit(f"{SEGMENT}.yml", "tags: [hypertension,", f"tags: [{BP}, hypertension,")
    exports = write_clinic(
        settings.exports_dir, CLINIC, MONDAY, rows(), screenings=["breast", "cervical"]
    )
    clinic = load_clinic(exports / "clinic.yaml")
    ingest_clinic(clinic, exports, settings.landing_dir(), MONDAY)
    open_ledger(settings.ledger())
    work = settings.work_path(CLINIC)
    target = parsed_but_for_changes(parsed, settings.dbt_target_dir())
    build = Build(CLINIC, "night", MONDAY, at(MONDAY, 2))
    rules = rules_of(transform.parse(settings.dbt_dir, target))
    published = settings.published_path(CLINIC)
    prepare(work, Night(build, clinic, settings.landing_dir(), published, rules))
    results = transform.build(
        settings.dbt_dir, target, work, MONDAY, ["--exclude-resource-type", "test"]
    )
    assert not [node for node in results if not node.is_ok]
    with duckdb.connect(str(work)) as con:
        set_stage(con, build, "decided")
    publish(work, published)
    # What has landed since the night is no part of it.
    write_clinic(
        settings.exports_dir,
        CLINIC,
        MONDAY,
        rows(too_high=20),
        screenings=["breast", "cervical"],
    )
    ingest_clinic(clinic, exports, settings.landing_dir(), MONDAY)
    return here


@pytest.fixture
def here(installed: Here, tmp_path: Path) -> Iterator[Here]:
    """Return the installation, and put its rules back afterwards."""
    kept = tmp_path / "dbt"
    shutil.copytree(installed.settings.dbt_dir, kept)
    yield installed
    shutil.rmtree(installed.settings.dbt_dir)
    shutil.copytree(kept, installed.settings.dbt_dir)


def lower(here: Here) -> None:
    here.edit(THRESHOLDS, "sbp_mmhg,any,140,", "sbp_mmhg,any,130,")


def test_a_test_of_two_texts_says_how_many_are_told_the_other(here: Here) -> None:
    here.edit(
        f"{SEGMENT}.yml", "          step: 1\n", "          step: 1\n          ab: {a: 75, b: 25}\n"
    )
    with duckdb.connect(str(here.settings.published_path(CLINIC)), read_only=True) as con:
        accounts = con.execute(
            "select distinct line_user_id from delivery_decisions"
            " where campaign = 'lifestyle_checkup' and standing = 'member'"
            " and line_user_id is not null"
        ).fetchall()
    hashes = [
        hashlib.md5(f"{CLINIC}/lifestyle_checkup/{each}".encode()).hexdigest()  # noqa: S324
        for (each,) in accounts
    ]
    to_b = [each for each in hashes if each >= "c"]
    assert 0 < len(to_b) < len(hashes)
    (found,) = here.preview().campaigns
    assert (found.campaign, found.told_another) == ("lifestyle_checkup", len(to_b))
    assert (found.now_sent, found.no_longer_sent, found.extra_a_month) == (0, 0, 0)
    assert f"もう一方の文面に移る相手 {len(to_b)} アカウント" in here.say()[1]


def test_d6_a_lowered_threshold_is_counted_as_an_independent_count_does(here: Here) -> None:
    lower(here)
    found = here.preview(BP)
    (tag,) = found.tags
    gained = over(130) - over(140)
    assert gained
    assert (tag.gained, tag.lost, tag.kept) == (len(gained), 0, len(over(140)))
    assert tag.unknown_before == tag.unknown_after == sum(not readings(n) for n in PATIENTS)
    assert tag.change == "edited"

    nearest = sorted(sum(readings(n) or ()) / 2 for n in gained)[:3]
    assert [each.value.split(" (")[0] for each in tag.gained_examples] == [
        f"sbp_mmhg {v}" for v in nearest
    ]
    pairs = {f"(mean of {b:.1f} and {a:.1f} on 2026-04-01)" for a, b in map(readings, gained)}  # type: ignore[misc]
    assert {f"({each.value.split(' (')[1]}" for each in tag.gained_examples} <= pairs
    assert {each.threshold for each in tag.gained_examples} == {">= 130.0"}
    assert {str(each.on) for each in tag.gained_examples} == {"2026-05-07"}
    assert len({each.pseudonym for each in tag.gained_examples}) == 3

    written_to = len([n for n in gained if is_linked(n)])
    campaigns = {each.campaign: each for each in found.campaigns}
    checkup = campaigns["lifestyle_checkup"]
    assert checkup.segment == "seg_lifestyle_checkup"
    assert (checkup.joined, checkup.left) == (len(gained), 0)
    assert (checkup.now_sent, checkup.no_longer_sent) == (written_to, 0)
    assert checkup.extra_a_month == pytest.approx(written_to / 6)
    # The more urgent message takes the place of another tonight, not for good.
    screening = campaigns["womens_screening"]
    assert (screening.now_sent, screening.no_longer_sent) == (0, written_to)
    assert screening.extra_a_month == 0
    # A step waits behind tonight's more urgent message, and comes once in a cycle of its own.
    followup = campaigns["checkup_followup"]
    assert (followup.joined, followup.now_sent) == (len(gained), 0)
    assert followup.extra_a_month == pytest.approx(written_to / CYCLES["checkup_followup"])
    assert campaigns.keys() == {"lifestyle_checkup", "womens_screening", "checkup_followup"}


@pytest.mark.parametrize("markdown", [False, True])
def test_the_report_names_segments_messages_and_no_patient(here: Here, *, markdown: bool) -> None:
    lower(here)
    status, said = here.say(markdown=markdown)
    assert status == 0
    gained = over(130) - over(140)
    written_to = len([n for n in gained if is_linked(n)])
    assert f"血圧が基準以上 ({BP})" in said
    extra = sum(written_to / months for months in CYCLES.values())
    assert f"{extra:+,.1f} 通/月、月の上限 5,000 通の {extra / 50:+.2f} %" in said
    assert "生活習慣病の定期検診 (seg_lifestyle_checkup)" in said
    assert "半年=1/6" in said
    assert ">= 130.0" in said
    assert not re.search(r"\d{9}", said.replace("20260601", ""))
    assert not re.search(r"U[0-9a-f]{32}", said)
    # The seed serves more tags, of which nobody is judged differently.
    unchanged = said.split("誰の判定も変わらないタグ:")[1].replace("\n", "")
    assert "血糖が基準以上 (glucose_over_threshold)" in unchanged
    if markdown:
        assert f"\n| {len(gained)} | 0 | {len(over(140))} |" in said


def test_an_edited_tag_file(here: Here) -> None:
    here.edit(FREQUENT, ">= 6", ">= 4")
    (tag,) = here.preview().tags
    assert tag.tag == "visits_frequent"
    assert tag.gained == len([n for n in PATIENTS if 4 <= visits(n) < 6])
    assert tag.lost == 0
    assert tag.kept == len([n for n in PATIENTS if visits(n) >= 6])
    assert {each.value for each in tag.gained_examples} == {"4 visit days in 12 months"}


def test_a_raised_border_shows_who_stood_nearest_by_the_old_rule(here: Here) -> None:
    here.edit(FREQUENT, ">= 6", ">= 8")
    (tag,) = here.preview().tags
    assert (tag.gained, tag.lost) == (0, len([n for n in PATIENTS if visits(n) in {6, 7}]))
    assert {each.value for each in tag.lost_examples} == {"6 visit days in 12 months"}
    assert {each.threshold for each in tag.lost_examples} == {">= 6"}


def test_an_unchanged_project_changes_nothing(here: Here) -> None:
    here.edit(FREQUENT, "-- Has come", "-- A comment is no rule. Has come")
    found = here.preview()
    assert found.is_empty
    status, said = here.say()
    assert status == 0
    assert "no rule changed" in said


def test_a_tag_that_was_not_edited_is_shown_when_asked_for(here: Here) -> None:
    (tag,) = here.preview(BP).tags
    assert (tag.change, tag.gained, tag.lost, tag.kept) == ("same", 0, 0, len(over(140)))


def test_a_tag_taken_out_is_lost_to_all(here: Here) -> None:
    for suffix in ("sql", "yml"):
        (here.settings.dbt_dir / FREQUENT).with_suffix(f".{suffix}").unlink()
    here.edit("models/tags/patient_tags.sql", '"visits_frequent",', "")
    (tag,) = here.preview().tags
    assert (tag.change, tag.label_ja) == ("removed", "定期通院中 (年6日以上)")
    assert (tag.gained, tag.kept) == (0, 0)
    assert tag.lost == len([n for n in PATIENTS if visits(n) >= 6])


def test_a_new_tag_is_gained_by_all_who_have_it(here: Here) -> None:
    for suffix in ("sql", "yml"):
        old = (here.settings.dbt_dir / FREQUENT).with_suffix(f".{suffix}")
        text = old.read_text(encoding="utf-8").replace("visits_frequent", "visits_often")
        old.with_stem("tag_visits_often").write_text(text, encoding="utf-8")
    status, said = here.say()
    assert status == 1
    assert "tag_visits_often but patient_tags.sql does not list it" in " ".join(said.split())
    here.edit(
        "models/tags/patient_tags.sql", '"visits_frequent",', '"visits_frequent", "visits_often",'
    )
    (tag,) = here.preview().tags
    assert (tag.change, tag.lost, tag.kept, tag.unknown_before) == ("new", 0, 0, 0)
    assert tag.gained == len([n for n in PATIENTS if visits(n) >= 6])


def test_a_campaign_that_writes_more_often(here: Here) -> None:
    here.edit(f"{SEGMENT}.yml", "cycle: half_year", "cycle: month")
    found = here.preview()
    assert not found.tags
    (checkup,) = found.campaigns
    reached = len([n for n in over(140) if is_linked(n)])
    assert checkup.extra_a_month == pytest.approx(reached - reached / 6)


def test_an_edit_of_staging_reads_the_files_of_that_night(here: Here) -> None:
    here.edit("models/staging/stg_observations.sql", "0 and 1000000", "0 and 150")
    here.edit("models/staging/source_files.sql", "status = 'landed'", "status in ('landed')")
    (tag,) = here.preview(BP).tags
    # Of the last two readings under the new ceiling, whatever lay above is not there any more.
    left = {n: [v for v in readings(n) or () if v <= 150] for n in PATIENTS}
    held = {n for n, values in left.items() if values and sum(values) / len(values) >= 140}
    assert tag.lost == len(over(140) - held) > 0
    assert tag.gained == len(held - over(140))

    landing = here.settings.landing_dir()
    landing.rename(landing.with_name("gone"))
    try:
        status, said = here.say(BP)
    finally:
        landing.with_name("gone").rename(landing)
    assert status == 1
    assert "公開された夜の取込ファイルがもう無い" in said


def unlisted_macro(here: Here) -> str:
    here.edit(FREQUENT, "evidence(", "no_such_macro(")
    return "no_such_macro"


def missing_model(here: Here) -> str:
    here.edit(FREQUENT, 'ref("patients_today")', 'ref("patients_tomorrow")')
    return "patients_tomorrow"


def missing_column(here: Here) -> str:
    here.edit(FREQUENT, "where visits_12_months", "where visits_13_months")
    return "visits_13_months"


def patient_as_a_number(here: Here) -> str:
    here.edit(FREQUENT, "where visits", "where cast(patient_id || 'x' as integer) > 0 or visits")
    return "Could not convert string '…'"


@pytest.mark.parametrize(
    "broken", [unlisted_macro, missing_model, missing_column, patient_as_a_number]
)
def test_broken_sql_says_where_and_shows_no_patient(
    here: Here, broken: Callable[[Here], str]
) -> None:
    expected = broken(here)
    status, said = here.say()
    assert status == 1
    assert expected in said
    assert not re.search(r"\d{9}", said)


def test_what_is_not_there_is_said_so(here: Here, tmp_path: Path) -> None:
    status, said = here.say("blood_pressure")
    assert status == 1
    assert f"no such tag: {BP}" in said
    empty = here.settings.model_copy(update={"data_dir": tmp_path / "data"})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dbt").symlink_to(here.settings.dbt_target_dir())
    status, said = here.say(settings=empty)
    assert status == 1
    assert "no published night" in said


def test_nothing_is_written(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lower(here)
    here.edit("models/staging/stg_observations.sql", "0 and 1000000", "0 and 150")
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    before = here.files()
    assert here.say()[0] == 0
    assert here.say(markdown=True)[0] == 0
    assert here.files() == before
    assert not list(current.iterdir())
    assert str(here.settings.published_path(CLINIC)) in before
    assert str(here.settings.data_dir / "ledger.db") in before
    assert not (here.settings.dbt_dir / "logs").exists()


def test_the_command_hands_its_words_and_its_exit_code_on(here: Here) -> None:
    env = {
        "TAGLINE_DATA_DIR": str(here.settings.data_dir),
        "TAGLINE_EXPORTS_DIR": str(here.settings.exports_dir),
        "TAGLINE_DBT_DIR": str(here.settings.dbt_dir),
    }
    done = CliRunner().invoke(main, ["preview", BP, "--clinic", CLINIC, "--markdown"], env=env)
    assert done.exit_code == 0
    assert f"### 血圧が基準以上 ({BP})" in done.output
    assert CliRunner().invoke(main, ["preview", "no_such_tag"], env=env).exit_code == 1


def add_tag(here: Here, name: str, last: int) -> None:
    """Write a tag of the patients up to a number, beside the others of its family."""
    old = here.settings.dbt_dir / FREQUENT
    yml = old.with_suffix(".yml").read_text(encoding="utf-8").split("unit_tests:")[0]
    new = old.with_stem(f"tag_{name}")
    new.with_suffix(".yml").write_text(yml.replace("visits_frequent", name), encoding="utf-8")
    new.write_text(
        "-- Has a number up to the last.\nselect patient_id, 'has' as state,"
        " cast(null as date) as since, {{ evidence(\"'stg_patients'\", \"'x'\") }}"
        f" from {{{{ ref(\"patients_today\") }}}} where patient_id <= '{number(last)}'",
        encoding="utf-8",
    )
    listed = '"visits_frequent",'
    here.edit("models/tags/patient_tags.sql", listed, f'{listed} "{name}",')


def test_d1_a_thirteenth_tag_that_overlaps_or_has_six_members_is_warned_of(here: Here) -> None:
    """With the numbers, on the terminal and for the pull request, by the rules of the review."""
    add_tag(here, "nearly_all_women", last=232)
    add_tag(here, "of_six", last=5)
    add_tag(here, "of_twenty", last=19)
    warnings = {tag.tag: list(tag.warnings) for tag in here.preview().tags}
    overlap = "女性 (sex_female) と 97.1 % 重なる (両方 233 人、どちらか 240 人)"
    assert overlap in warnings["nearly_all_women"]
    assert warnings["of_six"] == ["該当 6 人"]
    assert warnings["of_twenty"] == []
    (female,) = here.preview("sex_female").tags
    assert any("(nearly_all_women) と 97.1 % 重なる" in each for each in female.warnings)
    for markdown in (False, True):
        status, said = here.say(markdown=markdown)
        assert status == 0
        assert f"注意 / warning: {overlap}" in said
        assert "注意 / warning: 該当 6 人" in said


def test_the_members_of_unchanged_tags_are_read_and_not_built_again(here: Here) -> None:
    """Also beside a new name in the list of all tags; not where their union is another one."""

    def kept() -> set[str]:
        manifest = transform.parse_again(here.settings.dbt_dir, here.settings.dbt_target_dir())
        with open_published(here.settings.published_path(CLINIC)) as con:
            return set(find_changes(con, rules_of(manifest)).kept_tags(manifest))

    everything = kept()
    assert {"visits_frequent", "visits_new", BP} < everything
    add_tag(here, "of_six", last=5)
    here.edit(FREQUENT, ">= 6", ">= 4")
    assert kept() == everything - {"visits_frequent"}
    here.edit("models/tags/patient_tags.sql", "by_hand.tag is null and", "")
    assert kept() == set()
