"""The code of the reception: its sheet, whose charts it links and as what; older ledgers too."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import chat
import duckdb
import pytest
from clinic_builder import user, write_clinic
from nights import MONDAY, at
from rich.console import Console
from sqlalchemy import Engine, select

from dagster_project.conversation.codes import RELATIONS
from dagster_project.conversation.events import parse
from dagster_project.conversation.script import Script
from dagster_project.conversation.sheet import run_link_code
from dagster_project.ledger.conversation import accounts, issue_code, keep
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import audit
from dagster_project.settings import Settings

ME = user(1)


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    """Return a clinic whose published night lists three patients."""
    write_clinic(tmp_path / "exports", "good", MONDAY, {"patients": [{"patient_no": "123"}]})
    settings = Settings(
        data_dir=tmp_path / "data",
        exports_dir=tmp_path / "exports",
        business_day=MONDAY,
        at=at(MONDAY, 8),
    )
    published = settings.published_path("good")
    published.parent.mkdir(parents=True)
    with duckdb.connect(str(published)) as con:
        con.execute("create table patients_today as from (values ('123'), ('124'), ('125'))"
                    " as t (patient_id)")  # fmt: skip
        con.execute("create table tag_catalog (tag varchar, label_ja varchar, family varchar,"
                    " retired_on date)")  # fmt: skip
    return settings


def hand_over(place: Settings, *patients: str, relation: str = "self") -> tuple[int, str]:
    """Return the exit code, and the sheet or what was said instead."""
    console = Console(record=True, width=200)
    out = place.data_dir / "sheet.html"
    done = run_link_code(place, "good", patients, relation, "受付", out, console)
    return done, out.read_text(encoding="utf-8") if done == 0 else console.export_text()


def linked(engine: Engine, code: str) -> dict[str, str]:
    said = parse(chat.body([chat.text(code, ME, 1)]))
    keep(engine, "good", [each.event for each in said], chat.START)
    links = accounts(engine, "good", date.max, Script())[ME].links
    return {chart: link.relation for chart, link in links.items()}


@pytest.mark.parametrize(
    ("patients", "relation", "links", "shown"),
    [
        (["00123"], "self", {"123": "self"}, "ご本人 1名"),
        (["124", "125"], "parent", {"124": "parent", "125": "parent"}, "お子さま 2名"),
        (
            ["00123:self", "00124:parent", "00125：parent"],
            "self",
            {"123": "self", "124": "parent", "125": "parent"},
            "ご本人 1名、お子さま 2名",
        ),
        (
            ["123:self", "124", "125:child"],
            "parent",
            {"123": "self", "124": "parent", "125": "child"},
            "ご本人 1名、お子さま 1名、親御さま 1名",
        ),
    ],
)
def test_each_chart_is_linked_in_its_own_relation_and_the_sheet_says_whose_they_are(
    place: Settings, patients: Sequence[str], relation: str, links: dict[str, str], shown: str
) -> None:
    done, sheet = hand_over(place, *patients, relation=relation)
    assert done == 0
    assert f"連携する診察券: {shown}<" in sheet
    assert "<svg" in sheet
    assert "連携解除" in sheet
    assert "http" not in sheet.replace("http://www.w3.org", ""), "it needs no network"
    words = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", sheet, flags=re.DOTALL)
    assert not any(chart in words for chart in links), "nothing of a chart"
    [code] = re.findall(r"<p class=code>([0-9A-Z]{4}-[0-9A-Z]{4})</p>", sheet)
    engine = open_ledger(place.ledger())
    assert linked(engine, code) == links
    with engine.connect() as con:
        told = set(con.execute(select(audit.c.detail).where(audit.c.kind == "link_code")).scalars())
    assert told == {f"link code for patient {chart}, {is_what}" for chart, is_what in links.items()}


@pytest.mark.parametrize(
    ("patients", "said"),
    [
        (["999"], "999"),
        (["123", "999:parent"], "999"),
        (["123:boss"], "123:boss"),
        (["123:self", "00123:parent"], "00123:parent"),
    ],
)
def test_no_code_is_issued_for_what_is_not_listed_or_not_understood(
    place: Settings, patients: Sequence[str], said: str
) -> None:
    done, told = hand_over(place, *patients)
    assert done == 1
    assert said in told
    with open_ledger(place.ledger()).connect() as con:
        assert con.execute(select(audit)).all() == []


def test_before_the_first_night_there_is_no_code(place: Settings) -> None:
    place.published_path("good").unlink()
    assert hand_over(place, "123")[0] == 1


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_code_of_an_older_ledger_links_in_the_relation_of_the_code(
    tmp_path: Path, relation: str
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    engine = open_ledger(url)
    code = issue_code(engine, "good", ["7", "8"], relation, "受付", at(MONDAY, 8))
    with engine.begin() as con:
        con.exec_driver_sql("ALTER TABLE link_code_patient DROP COLUMN relation")
    engine.dispose()
    open_ledger.cache_clear()
    assert linked(open_ledger(url), code) == {"7": relation, "8": relation}
