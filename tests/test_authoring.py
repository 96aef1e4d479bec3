"""Writing a tag: lint says what is missing, a new one builds, the catalogue shows it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import nights
import pytest
import yaml
from click.testing import CliRunner
from clinic_builder import write_clinic
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from nights import DBT, MONDAY, World, at
from rich.console import Console

from dagster_project import transform
from dagster_project.authoring.catalog import read_catalog, run_catalog
from dagster_project.authoring.catalog_counts import ClinicCount, clinic_counts
from dagster_project.authoring.catalog_page import render_catalog
from dagster_project.authoring.catalog_review import decided, groups
from dagster_project.authoring.finding import Finding
from dagster_project.authoring.lint import lint
from dagster_project.authoring.new_tag import new_tag
from dagster_project.authoring.project import Project
from dagster_project.authoring.skeleton import SkeletonError
from dagster_project.authoring.sparkline import sparkline
from dagster_project.authoring.words import evidence_in_japanese, threshold_in_japanese
from dagster_project.cli import main
from dagster_project.ledger.tag_decisions import Recorded
from dagster_project.publish import Build
from dagster_project.review.read import Review, ReviewFinding

TAG_SQL = "models/tags/visits/tag_visits_frequent.sql"
TAG_YML = "models/tags/visits/tag_visits_frequent.yml"
SMOKING_SQL = "models/tags/answers/tag_says_smoking.sql"
SMOKING_YML = "models/tags/answers/tag_says_smoking.yml"
LIST = "models/tags/patient_tags.sql"
SEGMENT_SQL = "campaigns/lifestyle_checkup/seg_lifestyle_checkup.sql"
SEGMENT_YML = "campaigns/lifestyle_checkup/seg_lifestyle_checkup.yml"
SCENARIO_YML = "campaigns/checkup_followup/seg_checkup_followup.yml"
VACCINATION_YML = "campaigns/vaccination/seg_vaccination.yml"
URGENT = "campaigns/vaccination/message.urgent.json"
MESSAGE = "campaigns/lifestyle_checkup/message.json"
BLANKS = {
    "（日本語の名前を書く）": "二度来た",
    "（どんな人が該当するかを1文で書く）": "直近12か月に2日以上来院した。",
    "（責任者を書く）": "院長",
    "（何のためのタグかを書く）": "二度目の来院のお礼",
    "（該当する人、入らない人、判定不能の人を1文で書く）": "2日来た人は該当し、1日の人は入らない",
    "（誰が該当し、誰が判定不能かを英語の1文で書く）": "Came on two days or more within a year.",
}


def copy_of_dbt(folder: Path) -> Path:
    shutil.copytree(DBT, folder / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    return folder / "dbt"


@pytest.fixture
def dbt(tmp_path: Path) -> Path:
    """Return a copy of the dbt folder that a test may break."""
    return copy_of_dbt(tmp_path)


def change(dbt: Path, file: str, old: str, new: str) -> None:
    path = dbt / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} does not say {old}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def said(findings: list[Finding]) -> list[str]:
    return [each.shown(Path("/")) for each in findings]


def fill(dbt: Path, name: str, family: str) -> None:
    for ending in (".sql", ".yml"):
        path = dbt / "models/tags" / family / f"tag_{name}{ending}"
        text = path.read_text(encoding="utf-8")
        for blank, words in BLANKS.items():
            text = text.replace(blank, words)
        path.write_text(text, encoding="utf-8")


def test_the_folder_itself_has_nothing_to_put_right() -> None:
    assert said(lint(DBT, MONDAY)) == []


def test_lint_needs_neither_dbt_nor_dagster() -> None:
    """It runs at every save, so it may not cost the seconds they take to load."""
    asks = (
        "import sys, dagster_project.authoring.lint; print({'dbt', 'dagster'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


BROKEN = [
    (TAG_YML, "        owner: 院長\n", "", "no owner"),
    (TAG_YML, "        purpose: 定期的に通う人と、そうでない人を分ける\n", "", "no purpose"),
    (TAG_YML, "label_ja: 定期通院中 (年6日以上)", "label_ja: frequent", "label_ja is 'frequent'"),
    (TAG_YML, "description: 直近12か月に6日以上来院した。", "description: often", "no description"),
    (TAG_YML, "family: visits", "family: age", "family is 'age'; it stands in the folder visits"),
    (TAG_YML, "validity_days: 180", "validity_days: 0", "validity_days is 0"),
    (TAG_YML, 'review_on: "2026-12-01"', "review_on: soon", "review_on is 'soon'"),
    (TAG_YML, 'review_on: "2026-12-01"', "review_on: [2026-12-01]", "review_on is [datetime"),
    (TAG_YML, "owner: 院長", "owner: {a: 1}", "owner is {'a': 1}"),
    (TAG_YML, "fact: patients_today", "fact: [a]", "looks_at.fact is ['a']"),
    (TAG_YML, "sensitivity: low", "sensitivity: none", "sensitivity is 'none'"),
    (TAG_YML, "fact: patients_today", "fact: patients", "looks_at.fact is 'patients'"),
    (TAG_YML, "name: tag_visits_frequent", "name: tag_other", "tag_visits_frequent is not descri"),
    (TAG_YML, "models:", "models: [", "mend the yml"),
    (TAG_YML, "来院記録の無い人は判定不能とする。", "以上。終わり。", "does not say what it shows"),
    (TAG_YML, "model: tag_visits_frequent", "model: tag_other", "no unit test"),
    (TAG_YML, "state: has,", "state: unknown,", "no unit test expects a patient"),
    (TAG_YML, '{patient_id: "2", visits', '{patient_id: "1", visits', "a patient who is not exp"),
    (SMOKING_YML, "precedence: emr", "precedence: self_reported", "its SQL says emr"),
    (SMOKING_YML, "        precedence: emr\n", "", "no precedence"),
    (SMOKING_SQL, '"emr"', '"self_reported"', "its SQL says self_reported"),
    (TAG_SQL, "-- Has come on", "\n-- Has come on", "the first line does not say the rule"),
    (TAG_SQL, "select\n    patient_id,", "select *, patient_id,", "`select *`"),
    (TAG_SQL, "visits_12_months >= 6", "code = '8833421'", "code in SQL ('8833421')"),
    (TAG_SQL, "visits_12_months >= 6", "act in ('113001810')", "code in SQL ('113001810')"),
    (TAG_SQL, "visits_12_months >= 6", "code like 'E11%'", "code in SQL ('E11%')"),
    (TAG_SQL, "visits_12_months >= 6", "name like '%a%'", "a name is matched"),
    (TAG_SQL, "visits_12_months >= 6", "x like '%糖尿病%'", "a name is matched"),
    (TAG_SQL, "visits_12_months >= 6", "regexp_matches(x, '糖')", "a name is matched"),
    (TAG_SQL, "visits_12_months >= 6", "x ~ '.*a'", "a name is matched"),
    (TAG_SQL, "visits_12_months >= 6", "last_visit_on = current_date", "SQL reads the clock"),
    (TAG_SQL, "visits_12_months >= 6", "last_visit_on < now()", "SQL reads the clock"),
    (LIST, '    "visits_frequent",\n', "", "not listed"),
    (LIST, '"visits_frequent",', '"visits_frequent", "gone",', '"gone" is listed and has no file'),
    (SEGMENT_SQL, " and state = 'has'", "", "does not name the state"),
    (SEGMENT_YML, "          cooldown_days: 180\n", "", "no campaign.cooldown_days"),
    (SEGMENT_YML, "models:", "models: [", "mend the yml"),
    (SEGMENT_YML, "          owner: 院長\n", "", "no campaign.owner; who made it"),
    (SEGMENT_YML, "cycle: half", "not_aftr: 2026-12-31\n          cycle: half", "write not_after"),
    (SEGMENT_YML, "cycle: half", "caps: 5\n          cycle: half", "no such setting 'caps'"),
    (SEGMENT_YML, "cycle: half", "in_parts: maybe\n          cycle: half", "in_parts is 'maybe'"),
    (SEGMENT_YML, "purpose: lifestyle", "purpose: lifestile", "campaign.purpose is 'lifestile'"),
    (SEGMENT_YML, "cycle: half_year", "cycle: weekly", "campaign.cycle is 'weekly'"),
    (SEGMENT_YML, "max_share_of_clinic: 0.8", "max_share_of_clinic: 8", "campaign.max_share"),
    (SEGMENT_YML, "label_ja: 生活習慣病の定期検診", "label_ja: checkup", "no label_ja"),
    (SEGMENT_YML, "tags: [hypertension, ", "tags: [", "its SQL names hypertension, "),
    (MESSAGE, "定期健診の時期の", "糖尿病の", "contents[1].text: says 糖尿病"),
    (URGENT, "お子さまの", "水痘の", "contents[1].text: says 水痘"),
    (VACCINATION_YML, "urgent_days: 14", "urgent_days: 0", "campaign.urgent_days is 0"),
    (SEGMENT_YML, "cycle: half", "if_missed: later\n          cycle: half", "if_missed is 'later'"),
    (SEGMENT_YML, "cycle: half", "min_members: 0\n          cycle: half", "min_members is 0"),
    (SEGMENT_YML, "cycle: half", "not_after: soon\n          cycle: half", "not_after is 'soon'"),
    (VACCINATION_YML, 'moves_on: ["03-01"]', "moves_on: 03-01", "campaign.moves_on is '03-01'"),
    (TAG_YML, "owner: 院長", 'owner: 院長\n        moves_on: ["02-30"]', "moves_on is ['02-30']"),
    (MESSAGE, "すでに", "（本文を書く）すでに", "contents[2].text: not written"),
    (MESSAGE, "[", "", "write a list of 1 to 5 LINE message objects"),
    ("models/segments/segment_members.sql", '    "vaccination",\n', "", "listed 0 times"),
    (SCENARIO_YML, "after_days: 14", "after_days: 30", "after_days is 30; whole days after the"),
    (SCENARIO_YML, "after_days: 0", "after_days: -1", "after_days is -1"),
    (SCENARIO_YML, "after_days: 14", "after_days: soon", "after_days is 'soon'"),
    (SCENARIO_YML, "after_days: 14", "wait: 1, after_days: 14", "no such setting 'wait'"),
    (SCENARIO_YML, "after_days: 0", "after_days: 0, unless: [diabetes]", "unless is ['diabetes']"),
    (SCENARIO_YML, "[under_treatment]", "[under_cure]", "no tag 'under_cure'"),
    (SCENARIO_YML, "reentry: per_episode", "reentry: often", "reentry is 'often'"),
    (SCENARIO_YML, "            reentry: per_episode\n", "", "reentry is None"),
    (SCENARIO_YML, "reentry: per_episode", "reentry: once", "reentry_gap_days is 180"),
    (SCENARIO_YML, "reentry_gap_days: 180", "reentry_gap_days: 0", "reentry_gap_days is 0"),
    (SCENARIO_YML, "lapse_days: 30", "lapse_days: 0", "lapse_days is 0"),
    (SCENARIO_YML, "lapse_days: 30", "lapse_days: 30\n            exits: goal", "setting 'exits'"),
    (SCENARIO_YML, "cooldown_days: 0", "cooldown_days: 9", "cooldown_days is 9 in a scenario"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "expected"), BROKEN)
def test_a_broken_file_is_one_line_that_says_so(
    dbt: Path, file: str, old: str, new: str, expected: str
) -> None:
    change(dbt, file, old, new)
    found = said(lint(dbt, MONDAY))
    assert len(found) == 1, found
    assert expected in found[0]
    assert re.match(r"\S+\.(sql|yml|json):\d+: .+; .+", found[0])


def test_a_finding_says_on_which_line(dbt: Path) -> None:
    change(dbt, TAG_YML, "validity_days: 180", "validity_days: -1")
    text = (dbt / TAG_YML).read_text(encoding="utf-8")
    (found,) = lint(dbt, MONDAY)
    assert "validity_days" in text.splitlines()[found.line - 1]


def test_a_finding_in_a_message_says_on_which_line(dbt: Path) -> None:
    change(dbt, MESSAGE, "定期健診の時期の", "糖尿病の")
    (found,) = lint(dbt, MONDAY)
    assert "糖尿病の" in (dbt / MESSAGE).read_text(encoding="utf-8").splitlines()[found.line - 1]
    assert found.line > 1


def test_a_segment_may_not_name_a_tag_that_is_gone(dbt: Path) -> None:
    change(dbt, SEGMENT_SQL, "'hypertension'", "'high_pressure'")
    change(dbt, SEGMENT_YML, "[hypertension", "[high_pressure")
    found = said(lint(dbt, MONDAY))
    assert len(found) == 2
    assert all("no tag 'high_pressure'" in each for each in found)


def test_files_without_their_other_half(dbt: Path) -> None:
    (dbt / TAG_YML).unlink()
    (dbt / "models/tags/age/tag_age_0_5.sql").unlink()
    (dbt / MESSAGE).unlink()
    found = said(lint(dbt, MONDAY))
    assert any("no yml beside it" in each for each in found)
    assert any("no tag_age_0_5.sql beside it" in each for each in found)
    assert any('"age_0_5" is listed and has no file' in each for each in found)
    assert any("no message.json" in each for each in found)


def test_a_text_for_a_case_that_does_not_exist_is_named(dbt: Path) -> None:
    (dbt / URGENT).rename(dbt / "campaigns/vaccination/message.hurry.json")
    (found,) = said(lint(dbt, MONDAY))
    assert "no wording 'hurry'; one of several, urgent, several_urgent" in found


def test_each_step_of_a_scenario_has_a_text_and_no_text_is_of_no_step(dbt: Path) -> None:
    third = dbt / "campaigns/checkup_followup/message.3.json"
    third.rename(third.with_name("message.4.json"))
    found = said(lint(dbt, MONDAY))
    assert len(found) == 2
    assert "message.3.json:1: no message.3.json" in found[0]
    assert "no wording '4'; one of several, urgent, several_urgent, 2, 3" in found[1]


def test_a_file_saved_by_another_editor_is_told_by_its_name(dbt: Path) -> None:
    path = dbt / "models/tags/age/tag_age_0_5.sql"
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp932"))
    (found,) = said(lint(dbt, MONDAY))
    assert "tag_age_0_5.sql:1: not UTF-8; save it as UTF-8" in found


def test_jinja_joins_texts_with_the_sign_that_matches_in_sql(dbt: Path) -> None:
    change(dbt, TAG_SQL, "visits_12_months >= 6", "{{ name ~ '日' }} >= 6")
    assert said(lint(dbt, MONDAY)) == []


def test_a_star_is_for_one_side_of_a_union_in_a_cte(dbt: Path) -> None:
    change(
        dbt,
        TAG_SQL,
        "\nselect\n",
        "\nwith both as (select * from {{ ref('a') }} union all select * from {{ ref('b') }})\n"
        "select\n",
    )
    assert said(lint(dbt, MONDAY)) == []


def test_a_review_day_that_has_passed_is_a_warning(dbt: Path) -> None:
    change(dbt, TAG_YML, 'review_on: "2026-12-01"', 'review_on: "2026-05-31"')
    (found,) = lint(dbt, MONDAY)
    assert not found.is_error
    assert "warning: review_on 2026-05-31 has passed; 院長" in found.shown(dbt)


def tagline(dbt: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, list[str]]:
    monkeypatch.setenv("TAGLINE_DBT_DIR", str(dbt))
    monkeypatch.setenv("TAGLINE_DATA_DIR", str(dbt.parent / "data"))  # a ledger retires tags
    monkeypatch.setenv("TAGLINE_BUSINESS_DAY", str(MONDAY))
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.output.splitlines()


def test_d1_a_thirteenth_tag_names_the_fields_it_lacks(
    dbt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the skeleton, every blank is asked for by name; the fields of D1 among them."""
    code, lines = tagline(dbt, monkeypatch, "new", "tag", "came_twice", "--family", "visits")
    assert code == 0
    assert any("tagline lint" in line for line in lines)
    code, lines = tagline(dbt, monkeypatch, "lint")
    assert code == 1
    assert lines[-1] == "6 errors, 0 warnings"
    asked = " ".join(lines)
    for field in ("owner is", "purpose is", "label_ja is", "no description", "first line"):
        assert field in asked
    change(dbt, "models/tags/visits/tag_came_twice.yml", "        owner: （責任者を書く）\n", "")
    fill(dbt, "came_twice", "visits")
    change(dbt, "models/tags/visits/tag_came_twice.yml", "purpose: 二度目の来院のお礼", "purpose:")
    code, lines = tagline(dbt, monkeypatch, "lint")
    assert code == 1
    assert [re.sub(r".*yml:\d+: ", "", line).split(";")[0] for line in lines] == [
        "no owner", "no purpose", "2 errors, 0 warnings",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Came", "came twice", "2nd", "tag_came", "came__x", "a" * 51])
def test_a_name_that_cannot_be_is_refused_and_nothing_written(dbt: Path, name: str) -> None:
    with pytest.raises(SkeletonError):
        new_tag(dbt, name, "visits", None, MONDAY)
    assert said(lint(dbt, MONDAY)) == []


@pytest.mark.parametrize("name", ["visits_frequent", "catalog", "history"])
def test_a_name_that_is_taken_is_refused(dbt: Path, name: str) -> None:
    with pytest.raises(SkeletonError, match="is there already"):
        new_tag(dbt, name, "age", None, MONDAY)


def test_a_tag_is_listed_with_its_family(dbt: Path) -> None:
    new_tag(dbt, "age_over_90", "age", '9"0歳: 以上', MONDAY)
    new_tag(dbt, "came_by_bus", "travel", "バスで来た", MONDAY)
    listed = (dbt / LIST).read_text(encoding="utf-8")
    assert '"age_75_over",\n    "age_over_90",\n' in listed
    assert '"came_by_bus",\n] %}' in listed
    assert Project(dbt).tags["age_over_90"].meta["label_ja"] == '9"0歳: 以上'
    assert list(Project(dbt).families)[-1] == "travel"


@pytest.fixture(scope="module")
def built(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a dbt folder with a new tag, filled in, and a warehouse built with it."""
    folder = tmp_path_factory.mktemp("authoring")
    dbt = copy_of_dbt(folder)
    new_tag(dbt, "came_twice", "travel", None, MONDAY)
    fill(dbt, "came_twice", "travel")
    clinic = write_clinic(
        folder / "exports",
        "small",
        MONDAY,
        {
            "patients": [{"patient_no": str(n)} for n in (1, 2, 3)],
            "visits": [
                {"patient_no": "1", "visited_on": "2026-05-01"},
                {"patient_no": "1", "visited_on": "2026-05-11"},
                {"patient_no": "2", "visited_on": "2026-05-11"},
            ],
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nights, "DBT", dbt)
        target = nights.parsed_but_for_changes(parsed, folder / "target")
        nights.derive(clinic, folder / "data", MONDAY, target).close()
    return dbt, folder / "data/work/small/warehouse.duckdb"


def test_a_new_tag_filled_in_is_clean_and_builds(built: tuple[Path, Path]) -> None:
    dbt, warehouse = built
    assert said(lint(dbt, MONDAY)) == []
    with duckdb.connect(str(warehouse), read_only=True) as con:
        tags = nights.tags_of(con)
    assert {who: state for (who, tag), state in tags.items() if tag == "came_twice"} == {
        "1": "has",
        "3": "unknown",
    }


def test_the_example_of_a_new_tag_holds(built: tuple[Path, Path]) -> None:
    dbt, warehouse = built
    assert unit_test(dbt, warehouse, "tag_came_twice") == ["pass"]


def unit_test(dbt: Path, warehouse: Path, model: str) -> list[str]:
    target = warehouse.parents[3] / "target"
    folders = ["--project-dir", dbt, "--profiles-dir", dbt, "--target-path", target]
    command = ["test", "--select", f"{model},test_type:unit", "--vars", f"{{as_of: '{MONDAY}'}}"]
    runner = dbtRunner(manifest=transform.parse(dbt, target))
    try:
        outcome = runner.invoke([*transform.QUIET, "--no-write-json", *command, *map(str, folders)])
    finally:
        DuckDBConnectionManager.close_all_connections()
        reset_adapters()
    assert outcome.exception is None, outcome.exception
    found = outcome.result.results
    return [str(each.status) for each in found if each.node.resource_type == "unit_test"]


def test_d1_the_build_stops_at_a_tag_without_owner_or_purpose(
    built: tuple[Path, Path], parsed: Path, tmp_path: Path
) -> None:
    dbt, target = tmp_path / "dbt", nights.parsed_but_for_changes(parsed, tmp_path / "target")
    shutil.copytree(built[0], dbt)
    change(dbt, "models/tags/travel/tag_came_twice.yml", "        owner: 院長\n", "")
    change(dbt, "models/tags/travel/tag_came_twice.yml", "purpose: 二度目の来院のお礼", "purpose:")
    shutil.copy(built[1], warehouse := tmp_path / "warehouse.duckdb")
    select = ["--select", "tag_catalog"]
    (result, *_) = transform.build(dbt, target, warehouse, MONDAY, select)
    assert not result.is_ok
    assert "tag_came_twice lacks owner, purpose" in result.message


def test_sqlfmt_has_nothing_to_say_about_a_new_tag(built: tuple[Path, Path]) -> None:
    dbt, _ = built
    tool, config = Path(sys.executable).with_name("sqlfmt"), DBT.parent / "pyproject.toml"
    files = [dbt / LIST, dbt / "models/tags/travel/tag_came_twice.sql"]
    subprocess.run([tool, "--check", "--config", config, *files], check=True)


def page(dbt: Path, counts: Callable[[], dict[str, ClinicCount]] = dict) -> str:
    return render_catalog(read_catalog(Project(dbt), {}, [counts()]), MONDAY)


def test_the_catalogue_shows_every_tag_with_its_rule_and_examples() -> None:
    html = page(DBT)
    project = Project(DBT)
    assert len(project.tags) == html.count("<article")
    for name, tag in project.tags.items():
        assert f'<article id="{name}">' in html
        for text in (tag.meta["label_ja"], tag.said["description"], tag.sql.rule):
            assert str(text).replace("'", "&#39;") in html
        assert all(test["description"] in html for _, test in tag.unit_tests)
    assert "生活習慣病の定期検診 <code>lifestyle_checkup</code>" in html
    assert "院長" in html


def test_an_example_is_a_table_from_what_is_recorded_to_the_result() -> None:
    html = page(DBT)
    frequent = html[html.index('id="visits_frequent"') :].split("</article>")[0]
    rows = [
        re.sub(r"<[^>]+>", " ", row).split()
        for row in re.findall(r"<tr>.*?</tr>", frequent, re.DOTALL)
    ]
    assert rows == [
        ["1", "6", "2026-05-01", "該当", "12か月に来院", "6日"],
        ["2", "5", "2026-05-01", "該当しない"],
        ["3", "0", "記録なし", "判定不能", "12か月に来院", "0日"],
    ]


@pytest.mark.parametrize(
    ("said", "japanese"),
    [
        ("age 75", "年齢 75歳"),
        ("sex female", "性別 女性"),
        ("sex unknown", "性別の記録なし"),
        ("diagnosed in 2 claim months, management fee or drug", "病名の請求 2か月、管理料か薬あり"),
        ("waist_cm 85.0 cm", "腹囲 85.0 cm"),
        ("waist_cm 85.0", "腹囲 85.0"),
        ("dose 2, 303 days left", "2回目、残り 303日"),
        ("last on 2025-03-10", "最後は 2025-03-10"),
        ("words of a tag that came later", None),
    ],
)
def test_evidence_is_told_in_japanese_where_there_are_words_for_it(
    said: str, japanese: str | None
) -> None:
    assert evidence_in_japanese(said, {"female": "女性", "waist_cm": "腹囲"}) == japanese


def test_whatever_a_tag_says_of_its_evidence_has_japanese_words() -> None:
    """Staff read it, in the catalogue and from `explain`; also what more than one record says."""
    names = [*Project(DBT).tags.values(), *DBT.glob("models/tags/further_evidence.yml")]
    tests = [
        test
        for each in names
        for test in (
            yaml.safe_load(each.read_text(encoding="utf-8"))["unit_tests"]
            if isinstance(each, Path)
            else [said for _, said in each.unit_tests]
        )
    ]
    rows = [row for test in tests for row in test["expect"]["rows"]]
    values = {row.get("evidence_value") or row.get("value") for row in rows} - {None}
    assert len(values) > 60
    assert {each for each in values if not evidence_in_japanese(each, {})} == set()
    thresholds = {row.get("evidence_threshold") for row in rows} - {None}
    assert len(thresholds) > 10
    assert {each for each in thresholds if threshold_in_japanese(each) == each} == set()


def test_the_examples_of_the_catalogue_are_in_the_words_of_the_staff() -> None:
    for family in read_catalog(Project(DBT), {}, []):
        for tag in family.entries:
            for example in tag.examples:
                headings = [*example.columns, *(case.patient for case in example.cases)]
                headings += [
                    said.split(":")[0] for said in (*example.common, *example.common_where_recorded)
                ]
                english = [each for each in headings if re.search(r"[a-z]{2}", str(each))]
                assert english == [], (tag.name, english)


@pytest.mark.parametrize(
    ("said", "japanese"),
    [
        (">= 85.0", "85.0 以上"),
        ("< 40.0", "40.0 未満"),
        ("from 2026-04-01 to 2027-03-31", "2026-04-01 から 2027-03-31 まで"),
        ("due from 2026-04-01", "2026-04-01 から"),
        ("another kind", "another kind"),
    ],
)
def test_a_threshold_is_told_in_japanese(said: str, japanese: str) -> None:
    assert threshold_in_japanese(said) == japanese


def test_the_catalogue_speaks_of_items_and_thresholds_in_japanese() -> None:
    html = page(DBT)
    assert "腹囲 85.0 cm (基準 85.0 以上)" in html
    assert "waist_cm 85.0" not in html


def finding(tag: str, clinic_number: int, **changes: object) -> ReviewFinding:
    said = {
        "label": f"{tag}の名", "finding": "too_few_members", "finding_label": "該当者が少ない",
        "rank": 5, "other_tag": None, "owner": "院長", "evidence": f"該当 {clinic_number} 人",
        "to_do": "まとめてください。", "kept_until": None,
    }  # fmt: skip
    return ReviewFinding(**{"tag": tag, **said, **changes})  # type: ignore[arg-type]


def test_the_catalogue_shows_what_to_look_at_again_and_what_was_decided() -> None:
    """One heading a finding, the gravest first; clinics that say the same stand together."""
    graver = {"finding_label": "責任者がいない", "rank": 1, "evidence": "空欄", "owner": " "}
    builds = [Build(name, "b", MONDAY, at(MONDAY, 2)) for name in ("aozora", "hinata")]
    reviews = [
        Review(
            builds[0],
            [finding("a", 6), finding("b", 7), finding("kept", 1, kept_until=MONDAY)],
            [],
        ),
        Review(builds[1], [finding("a", 6), finding("b", 8), finding("c", 0, **graver)], []),
    ]
    found = groups(reviews)
    assert [group.label for group in found] == ["責任者がいない", "該当者が少ない"]
    few = {flagged.tag: flagged.numbers for flagged in found[1].flagged}
    assert few == {
        "a": {"該当 6 人": ["aozora", "hinata"]},
        "b": {"該当 7 人": ["aozora"], "該当 8 人": ["hinata"]},
    }
    kept = ("keep", "too_few_members", None, None, "秘密の理由", "院長", MONDAY, MONDAY)
    rows = [
        Recorded(1, "sex_male", *kept),  # type: ignore[arg-type]
        Recorded(2, "sex_male", *kept),  # type: ignore[arg-type]
        Recorded(3, "sex_male", "merge", None, None, "a", "秘密の理由", "院長", MONDAY, None),
    ]
    choices = decided(rows, {"sex_male": "男性"})
    assert [each.what for each in choices] == ["統合 (a へ)", "継続 (2026-06-01 まで)"]
    html = render_catalog(
        read_catalog(Project(DBT), {}, []), MONDAY, found, choices, {"sex_male": MONDAY}
    )
    assert 'id="review"' in html
    assert "該当 6 人" in html
    assert "2026-06-01 廃止" in html
    assert "秘密の理由" not in html
    assert 'id="review"' not in page(DBT)


def test_the_catalogue_needs_no_network_and_no_script() -> None:
    html = page(DBT)
    assert not re.search(r"https?:|<script|<link|@import|url\(|\ssrc=", html)
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', html))


def test_the_catalogue_escapes_what_authors_write(dbt: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    change(dbt, TAG_YML, "label_ja: 定期通院中", f"label_ja: 定期{evil}")
    change(dbt, TAG_YML, "owner: 院長", f"owner: 院長{evil}")
    change(dbt, TAG_YML, "直近12か月に6日来院した人は", f"直近{evil}")
    change(dbt, TAG_YML, "6 visit days in 12 months", evil)
    change(dbt, TAG_SQL, "-- Has come", f"-- {evil} Has come")
    html = page(dbt)
    assert "<img" not in html
    assert html.count("&lt;img src=x") >= 5


def test_the_catalogue_counts_what_is_published(built: tuple[Path, Path], tmp_path: Path) -> None:
    dbt, warehouse = built
    published = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, published)
    spells = [
        ("came_twice", "1", MONDAY - timedelta(40), MONDAY - timedelta(2)),
        ("came_twice", "2", MONDAY - timedelta(9), None),
        ("came_twice", "1", MONDAY, None),
    ]
    with duckdb.connect(str(published)) as con:
        con.execute("drop view tag_history")
        con.execute("create table tag_history (tag text, patient_id text, held_from date,"
                    " held_to date)")  # fmt: skip
        con.executemany("insert into tag_history values (?, ?, ?, ?)", spells)
        con.execute("delete from meta.rule_history")
        versions = [("came_twice", "v1", MONDAY - timedelta(40)),
                    ("came_twice", "v2", MONDAY - timedelta(31)),
                    ("came_twice", "v3", MONDAY - timedelta(2))]  # fmt: skip
        con.executemany("insert into meta.rule_history values (?, ?, ?)", versions)
    count = clinic_counts("small", published)["came_twice"]
    assert (count.patients, count.has, count.unknown, count.gained, count.lost) == (3, 1, 1, 1, 0)
    assert list(count.trend) == [1] * 20 + [2] * 7 + [1] * 2 + [2]
    # Before the trend begins a change explains nothing in it.
    assert list(count.rule_changed_on) == [MONDAY - timedelta(2)]
    html = page(dbt, lambda: clinic_counts("small", published))
    assert "30 夜で 1 人から 2 人" in html
    assert "規則の変更 2026-05-30" in html
    assert html.count("<line ") == 1
    assert '1 <span class="note">33 %</span>' in html
    assert clinic_counts("small", tmp_path / "none.duckdb") == {}


def test_a_rule_edited_since_the_published_night_is_said(built: tuple[Path, Path]) -> None:
    dbt, warehouse = built
    counts = [clinic_counts("small", warehouse)]
    before = counts[0]["came_twice"].rule_version
    assert before
    html = render_catalog(read_catalog(Project(dbt), {"came_twice": "0" * 12}, counts), MONDAY)
    assert html.count("以前の版") == 1
    assert f"以前の版 {before} で判定" in html


def test_a_first_night_has_no_trend_yet(built: tuple[Path, Path]) -> None:
    dbt, warehouse = built
    html = page(dbt, lambda: clinic_counts("small", warehouse))
    assert "まだ1夜" in html
    assert "<svg" not in html


def test_a_sparkline_rises_and_a_level_one_stays_in_the_middle() -> None:
    rising, level = sparkline([0, 5, 10]), sparkline([7, 7])
    assert rising.points == "3.0,25.0 60.0,14.0 117.0,3.0"
    assert (level.end_x, level.end_y) == (117.0, 14.0)
    assert sparkline([0, 5, 10], [0, 2, 3]).marks == [117.0, 3.0]


def test_the_command_writes_the_page_with_rule_versions_and_says_where(world: World) -> None:
    settings = world.settings(MONDAY)
    world.write("old", MONDAY, {})
    settings.published_path("old").parent.mkdir(parents=True)
    duckdb.connect(str(settings.published_path("old"))).close()
    assert run_catalog(settings, None, Console(file=(said := nights._Said([])), width=200)) == 0
    path = settings.data_dir / "pages" / "tags.html"
    assert str(path) in "".join(said._lines)
    assert "old: without counts, an older version published it" in "".join(said._lines)
    assert re.search(r"規則の版</dt><dd><code>[0-9a-f]{12}", path.read_text(encoding="utf-8"))


def test_a_day_is_a_day_however_yml_reads_it(dbt: Path) -> None:
    change(dbt, TAG_YML, 'review_on: "2026-12-01"', f"review_on: {date(2026, 12, 2)}")
    assert said(lint(dbt, MONDAY)) == []
