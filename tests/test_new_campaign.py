"""Beginning a campaign: what it lacks is asked for by name, and it writes to nobody before that."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import nights
import pytest
from clinic_builder import write_clinic
from nights import DBT, MONDAY
from test_authoring import copy_of_dbt, said, tagline, unit_test

from dagster_project.authoring.lint import lint
from dagster_project.authoring.new_campaign import NO_TAG, new_campaign
from dagster_project.authoring.project import Project
from dagster_project.authoring.skeleton import SkeletonError

FOLDER = "campaigns/spring_greeting"
BLANKS = {
    "（日本語の名前を書く）": "春のごあいさつ",
    "（誰に送るかを1文で書く）": "よく来院する人。",
    "（必要な同意の目的を書く）": "visit",
    "（責任者を書く）": "院長",
    "（対象になる人とならない人を1文で書く）": "該当の人だけが入り、判定不能の人は入らない",
    "（誰に送るかを英語の1文で書く）": "Patients who come often.",
    "（本文を書く）": "春になりました。",
}


@pytest.fixture
def dbt(tmp_path: Path) -> Path:
    """Return a copy of the dbt folder that a test may break."""
    return copy_of_dbt(tmp_path)


def fill(dbt: Path) -> None:
    for path in (dbt / FOLDER).iterdir():
        text = path.read_text(encoding="utf-8")
        for blank, words in BLANKS.items():
            text = text.replace(blank, words)
        path.write_text(text, encoding="utf-8")


def test_every_blank_is_asked_for_by_file_and_line(
    dbt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("new", "campaign", "spring_greeting", "--tag", "visits_frequent")
    code, lines = tagline(dbt, monkeypatch, *command)
    assert code == 0
    assert any("tagline lint" in line for line in lines)
    code, lines = tagline(dbt, monkeypatch, "lint")
    assert (code, lines[-1]) == (1, "7 errors, 0 warnings")
    assert all(re.match(rf"dbt/{FOLDER}/\S+:\d+: .+; .+", line) for line in lines[:-1])
    asked = " ".join(lines)
    named = ("description", "label_ja", "campaign.purpose", "campaign.owner", "first line")
    for blank in (*named, "does not say what it shows", "contents[1].text: not written"):
        assert blank in asked
    fill(dbt)
    assert tagline(dbt, monkeypatch, "lint")[1] == ["0 errors, 0 warnings"]


def test_it_goes_after_every_other_and_its_label_may_say_anything(dbt: Path) -> None:
    highest = max(
        each.meta["campaign"]["priority"] for each in Project(dbt).segments.values()
    )  # fmt: skip
    new_campaign(dbt, "spring_greeting", None, '"春": #1')
    begun = Project(dbt).segments["spring_greeting"].meta
    assert begun["label_ja"] == '"春": #1'
    assert begun["campaign"]["priority"] == highest + 1
    new_campaign(dbt, "autumn_greeting", None, None)
    assert Project(dbt).segments["autumn_greeting"].meta["campaign"]["priority"] == highest + 2


def test_without_a_tag_lint_asks_for_one(dbt: Path) -> None:
    new_campaign(dbt, "spring_greeting", None, None)
    fill(dbt)
    found = said(lint(dbt, MONDAY))
    assert len(found) == 2
    assert all(f"no tag '{NO_TAG}'" in each for each in found)


@pytest.mark.parametrize(
    ("name", "tag", "because"),
    [
        ("Spring", None, "small letters"),
        ("seg_spring", None, "leave it out"),
        ("vaccination", None, "is there already"),
        ("members", None, "is there already"),
        ("spring", "no_such_tag", "no tag 'no_such_tag'"),
    ],
)
def test_what_cannot_be_begun_is_refused_and_nothing_written(
    dbt: Path, name: str, tag: str | None, because: str
) -> None:
    (dbt / "campaigns/members").mkdir()
    (dbt / "campaigns/members/message.json").write_text("[]", encoding="utf-8")
    before = {path: path.read_bytes() for path in dbt.rglob("*") if path.is_file()}
    with pytest.raises(SkeletonError, match=because):
        new_campaign(dbt, name, tag, None)
    assert {path: path.read_bytes() for path in dbt.rglob("*") if path.is_file()} == before


def test_a_list_that_is_not_one_name_a_line_is_left_alone(dbt: Path) -> None:
    path = dbt / "models/segments/segment_members.sql"
    text = path.read_text(encoding="utf-8").replace(",\n    ", ", ")
    path.write_text(text.replace(",\n]", "]"), encoding="utf-8")
    with pytest.raises(SkeletonError, match="one name a line"):
        new_campaign(dbt, "spring_greeting", None, None)
    assert not (dbt / FOLDER).exists()


@pytest.fixture(scope="module")
def built(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a dbt folder with a campaign as it was begun, and a night built with it."""
    folder = tmp_path_factory.mktemp("campaign")
    dbt = copy_of_dbt(folder)
    new_campaign(dbt, "spring_greeting", "visits_frequent", None)
    visits = [{"patient_no": "1", "visited_on": f"2026-03-{day:02}"} for day in range(1, 7)]
    rows = {"patients": [{"patient_no": "1"}, {"patient_no": "2"}], "visits": visits}
    clinic = write_clinic(folder / "exports", "small", MONDAY, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nights, "DBT", dbt)
        target = nights.parsed_but_for_changes(parsed, folder / "target")
        nights.derive(clinic, folder / "data", MONDAY, target).close()
    return dbt, folder / "data/work/small/warehouse.duckdb"


def test_as_it_is_begun_it_builds_and_is_for_those_who_have_the_tag(
    built: tuple[Path, Path],
) -> None:
    with duckdb.connect(str(built[1]), read_only=True) as con:
        members = con.execute(
            "select patient_id from segment_members where campaign = 'spring_greeting'"
        ).fetchall()
    assert members == [("1",)]


def test_its_example_holds(built: tuple[Path, Path]) -> None:
    assert unit_test(*built, "seg_spring_greeting") == ["pass"]


def test_sqlfmt_has_nothing_to_say_of_it(built: tuple[Path, Path]) -> None:
    dbt, _ = built
    tool, config = Path(sys.executable).with_name("sqlfmt"), DBT.parent / "pyproject.toml"
    files = [dbt / "models/segments/segment_members.sql", *(dbt / FOLDER).glob("*.sql")]
    subprocess.run([tool, "--check", "--config", config, *files], check=True)
