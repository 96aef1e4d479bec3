"""What is kept of people goes when its day has come, and not a day sooner."""

import json
from datetime import date, timedelta
from pathlib import Path

import chat
import pytest
from delivery_fixtures import Night, a_night, at, ready, rows_of
from sqlalchemy import Engine

from dagster_project.clinic import Retention
from dagster_project.conversation.events import parse
from dagster_project.conversation.script import Script, script_of
from dagster_project.delivery.reconcile import reconcile
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient
from dagster_project.ledger.conversation import accounts, issue_code, keep
from dagster_project.ledger.overrides import Wish, make, overrides_of
from dagster_project.ledger.retention import REMOVED, Retired, retire
from dagster_project.settings import ROOT

CLINIC = "aozora"
DAY = date(2026, 6, 1)  # the day of what the tests' clinic hears and sends
LIMITS = Retention(free_text_days=100, message_body_days=100, unused_code_days=30)
SCRIPT, _ = script_of(ROOT / "dagster_project" / "sample")
WHO = "U" + "a" * 32


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def after(engine: Engine, days: int, start: date = DAY) -> Retired:
    return retire(engine, CLINIC, LIMITS, start + timedelta(days=days), SCRIPT)


def hear(engine: Engine, *events: dict[str, object]) -> None:
    keep(engine, CLINIC, [each.event for each in parse(chat.body(events))], chat.START)


def texts(engine: Engine) -> list[object]:
    return [row["said"] for row in rows_of(engine, line_event)]


def test_what_somebody_wrote_goes_after_its_days(night: Night) -> None:
    midnight, last = -9 * 60, 15 * 60 - 1  # minutes from nine in the morning
    hear(night.engine, chat.text("膝が痛い", WHO, midnight), chat.text("ありがとう", WHO, last))
    assert after(night.engine, 100).texts == 0
    assert sorted(map(str, texts(night.engine))) == ["ありがとう", "膝が痛い"]
    assert after(night.engine, 101).texts == 2
    assert texts(night.engine) == [REMOVED, REMOVED]
    assert after(night.engine, 101).texts == 0


def test_what_an_account_is_stays_whatever_its_age(night: Night) -> None:
    code = issue_code(night.engine, CLINIC, ["7"], "self", "受付", chat.START)
    hear(
        night.engine,
        chat.event("follow", WHO, 1),
        chat.text(code, WHO, 2),
        chat.text("XXXXYYYY", WHO, 3),
        chat.tap("consent:v1:visit:yes", WHO, 4),
        chat.text("配信停止", WHO, 5),
        chat.tap("consent:v1:vaccine:yes", WHO, 6),
        chat.text("連携解除", "U" + "b" * 32, 7),
        chat.text("どうも", WHO, 8),
    )
    before = accounts(night.engine, CLINIC, date.max, Script())
    assert after(night.engine, 4000) == Retired(1, 0, 0, 0)
    assert accounts(night.engine, CLINIC, date.max, Script()) == before
    assert before[WHO].links


def test_what_was_answered_stays_and_no_question_is_open_again(night: Night) -> None:
    hear(
        night.engine,
        chat.text("アンケート", WHO, 0),
        chat.tap("answer:voice:v1:wish:evening_visit", WHO, 1),
        chat.text("予約", WHO, 2),
        chat.text("胸が痛い", WHO, 3),
        chat.text("駅から遠い", WHO, 4),
        chat.text("もうひとつ", WHO, 5),
        chat.text("アンケート", "U" + "b" * 32, 6),
    )
    before = accounts(night.engine, CLINIC, date.max, SCRIPT)
    assert before[WHO].answers["voice", "words"].chosen == ()
    assert before[WHO].asked is None
    assert after(night.engine, 4000).texts == 4
    assert accounts(night.engine, CLINIC, date.max, SCRIPT) == before
    kept = str(texts(night.engine))
    assert not any(word in kept for word in ("予約", "胸", "駅", "もうひとつ"))
    assert after(night.engine, 4000).texts == 0


def test_why_a_tag_was_set_by_hand_goes_after_it_has_ended(night: Night) -> None:
    last = DAY + timedelta(days=10)
    wish = Wish("7", "asthma", "add", "電話で確認", "受付", last)
    make(night.engine, CLINIC, [wish], DAY, at(9))
    assert after(night.engine, 100, last).reasons == 0
    assert after(night.engine, 101, last).reasons == 1
    [left] = overrides_of(night.engine, CLINIC)
    assert (left.reason, left.tag) == ("", "asthma")


def test_what_was_sent_goes_and_whom_it_was_for_stays(night: Night) -> None:
    ready(night)
    assert after(night.engine, 101).bodies == 0  # it may still leave
    assert night.send().accepted == 3
    proof = reconcile(night.engine, CLINIC)
    assert after(night.engine, 101).bodies == 1
    [row] = night.batches()
    assert json.loads(bytes(row["body"])).keys() == {"to"}  # type: ignore[call-overload]
    assert reconcile(night.engine, CLINIC) == proof
    assert after(night.engine, 101).bodies == 0


def test_what_was_sent_stays_for_its_days(night: Night) -> None:
    ready(night)
    assert night.send().accepted == 3
    assert after(night.engine, 100).bodies == 0
    assert after(night.engine, 101).bodies == 1


def test_a_code_that_nobody_sent_goes_and_one_that_was_sent_stays(night: Night) -> None:
    used = issue_code(night.engine, CLINIC, ["7"], "self", "受付", chat.START)
    issue_code(night.engine, CLINIC, ["8", "9"], "self", "受付", chat.START)
    hear(night.engine, chat.text(used, WHO, 1))
    ends = DAY + timedelta(days=14)
    assert after(night.engine, 30, ends).codes == 0
    assert after(night.engine, 31, ends).codes == 1
    assert [row["patient_id"] for row in rows_of(night.engine, link_code_patient)] == ["7"]
    assert len(rows_of(night.engine, link_code)) == 1
