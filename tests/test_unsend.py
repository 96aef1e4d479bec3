"""What a patient takes back in the chat is gone, whichever of the two events came first."""

from collections.abc import Sequence
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import chat
import pytest
from clinic_builder import user
from sqlalchemy import Engine, select

from dagster_project.conversation.events import parse
from dagster_project.conversation.fold import Account
from dagster_project.conversation.script import script_of
from dagster_project.insight.voice import own_words
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.conversation import account, issue_code, keep
from dagster_project.ledger.store import open_ledger
from dagster_project.settings import ROOT

ME = user(1)
SCRIPT, _ = script_of(ROOT / "dagster_project" / "sample")
SAID = "待合室が寒いです"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_ledger(f"sqlite:///{tmp_path}/ledger.db")


def text(said: str, at: int, number: str = "m1", who: str = ME) -> dict[str, Any]:
    return chat.event("message", who, at, message={"type": "text", "id": number, "text": said})


def unsend(at: int, number: str = "m1", who: str = ME) -> dict[str, Any]:
    return chat.event("unsend", who, at, unsend={"messageId": number})


def hear(engine: Engine, *events: dict[str, Any]) -> None:
    """Keep each event in a delivery of its own."""
    for each in events:
        keep(engine, "good", [one.event for one in parse(chat.body([each]))], chat.START)


def me(engine: Engine) -> Account:
    return account(engine, "good", ME, SCRIPT)


def kept(engine: Engine) -> Sequence[str]:
    with engine.connect() as con:
        return con.execute(select(line_event.c.said).where(line_event.c.said != "")).scalars().all()


def test_an_answer_that_is_taken_back_is_none_in_any_order(tmp_path: Path) -> None:
    events = [
        chat.tap("answer:voice:v1:wish:evening_visit", ME, 0),
        text(SAID, 1),
        unsend(2),
    ]
    found = []
    for number, order in enumerate(permutations(events)):
        engine = open_ledger(f"sqlite:///{tmp_path}/{number}.db")
        hear(engine, *order, *events)  # and all of it once more
        assert SAID not in str(kept(engine))
        assert own_words(engine, "good", date(2026, 6, 1), SCRIPT) == []
        found.append(me(engine))
    assert all(each == found[0] for each in found)
    assert list(found[0].answers) == [("voice", "wish")], "what was tapped stays"
    assert found[0].asked == ("voice", "words"), "and the question is open again"


def test_only_that_message_of_that_person_goes(engine: Engine) -> None:
    events = [text(SAID, 0), text("もうひとつ", 1, "m2"), text("別の人", 2, "m1", user(2))]
    events += [unsend(3), unsend(4, "m9")]
    keep(engine, "good", [one.event for one in parse(chat.body(events))], chat.START)
    assert sorted(kept(engine)) == ["もうひとつ", "別の人"]


def test_a_stop_is_not_taken_back(engine: Engine) -> None:
    hear(engine, chat.tap("consent:v1:all:yes", ME, 0))
    hear(engine, text("膝が痛くて通えないので配信停止してください", 1), unsend(2))
    assert not any(each.is_granted for each in me(engine).consents.values())
    assert "膝" not in str(kept(engine))


def test_a_code_that_was_used_stays_used(engine: Engine) -> None:
    code = issue_code(engine, "good", ["7"], "self", "受付", chat.START)
    hear(engine, text(code, 1), unsend(2))
    assert set(me(engine).links) == {"7"}
