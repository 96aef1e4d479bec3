"""What patients said in their own words: in no table, and read only by whom the clinic names."""

import shutil
from datetime import date

import chat
import pytest
import yaml
from clinic_builder import Row, user
from nights import MONDAY, World
from sqlalchemy import select
from test_answers_become_tags import SAMPLE
from webhook_service import serving

from dagster_project.conversation.script import script_of
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import audit

SAID = "待合室が寒いです"
EARLY = -9 * 60 + 60


@pytest.fixture
def asked(world: World) -> World:
    rows: dict[str, list[Row]] = {"patients": [{"patient_no": "1"}], "visits": []}
    folder = world.write("good", MONDAY, rows)
    declaration = yaml.safe_load((folder / "clinic.yaml").read_text(encoding="utf-8"))
    declaration["voice_readers"] = ["院長"]
    (folder / "clinic.yaml").write_text(yaml.safe_dump(declaration), encoding="utf-8")
    shutil.copytree(SAMPLE / "questionnaires", folder / "questionnaires")
    with serving(world.settings(MONDAY).ledger(), script_of(folder)[0]) as service:
        wish = chat.tap("answer:voice:v1:wish:evening_visit", user(1), EARLY)
        assert service.say(wish, chat.text(SAID, user(1), EARLY + 1)) == 200
        assert service.say(chat.text("独り言", user(1), EARLY + 2)) == 200
    return world


def reads(world: World) -> list[tuple[str, str]]:
    with open_ledger(world.settings(MONDAY).ledger()).connect() as con:
        query = select(audit.c.subject, audit.c.detail).where(audit.c.kind == "voice_read")
        return [(row.subject, row.detail) for row in con.execute(query)]


def test_a_named_reader_reads_the_texts_without_whose_they_are(asked: World) -> None:
    assert asked.voice(MONDAY, "院長") == 0
    assert f"{date(2026, 6, 1)} voice/words: {SAID}" in asked.text()
    assert "独り言" not in asked.text(), "only what answers a question"
    assert user(1) not in asked.text()
    assert reads(asked) == [("院長", "1 texts")]


@pytest.mark.parametrize("reader", [None, "受付"])
def test_nobody_else_reads_a_word(asked: World, reader: str | None) -> None:
    assert asked.voice(MONDAY, reader) == (1 if reader else 0)
    assert SAID not in asked.text()
    assert reads(asked) == []
