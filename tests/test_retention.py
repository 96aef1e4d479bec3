"""What is kept of people goes when its day has come, and not a day sooner."""

import json
from datetime import date, timedelta
from pathlib import Path

import chat
import pytest
from delivery_fixtures import Night, a_night, at, ready, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from dagster_project.clinic import Retention
from dagster_project.conversation.codes import digest
from dagster_project.conversation.events import (
    CHART_ASKED,
    CHART_NAMED,
    CHART_TRIED,
    Event,
    parse,
)
from dagster_project.conversation.fold import Account
from dagster_project.conversation.script import Script, script_of
from dagster_project.delivery.reconcile import reconcile
from dagster_project.ledger.alerts import raise_written
from dagster_project.ledger.audit import write_audit
from dagster_project.ledger.chat_tables import line_event, link_code, link_code_patient, staff_alert
from dagster_project.ledger.conversation import accounts, issue_code, keep
from dagster_project.ledger.overrides import Wish, make, overrides_of
from dagster_project.ledger.retention import REMOVED, Retired, retire
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.ledger.tables import alert, audit
from dagster_project.settings import ROOT

CLINIC = "aozora"
DAY = date(2026, 6, 1)  # the day of what the tests' clinic hears and sends
LIMITS = Retention(
    free_text_days=100,
    message_body_days=100,
    unused_code_days=30,
    empty_event_days=200,
    alert_days=300,
    audit_days=400,
)
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


def test_of_a_sentence_that_stops_the_word_is_left(night: Night) -> None:
    hear(night.engine, chat.text("膝が痛くて通えないので配信停止してください", WHO, 0))
    before = accounts(night.engine, CLINIC, date.max, Script())
    assert after(night.engine, 4000).texts == 1
    assert texts(night.engine) == ["配信停止"]
    assert accounts(night.engine, CLINIC, date.max, Script()) == before
    assert after(night.engine, 4000).texts == 0


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
    assert after(night.engine, 4000) == Retired(1, 0, 0, 0, events=0, alerts=0, audit=1)
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


EMPTY = [
    chat.event("message", WHO, 0, message={"type": "sticker", "id": "1"}),
    chat.event("beacon", WHO, 1),
    chat.tap("menu=open", WHO, 2),
    chat.event("accountLink", WHO, 3, link={"result": "failed", "nonce": "x"}),
    chat.event("join", "", 4, source={"type": "group", "groupId": "C1"}),
    chat.text("予約", "", 5, source={"type": "group", "groupId": "C1"}),
]
SAYING = [
    chat.event("follow", WHO, 6),
    chat.event("unfollow", WHO, 7),
    chat.tap("consent:v1:visit:no", WHO, 8),
    chat.tap("answer:voice:v1:wish:evening_visit", WHO, 9),
    chat.text("配信停止", WHO, 10),
]


def test_events_that_say_nothing_go_after_their_days_and_those_that_do_stay(night: Night) -> None:
    hear(night.engine, *EMPTY, *SAYING)
    assert after(night.engine, 200).events == 0
    assert after(night.engine, 201).events == len(EMPTY)
    left = {row["event_id"] for row in rows_of(night.engine, line_event)}
    assert left == {each["webhookEventId"] for each in SAYING}
    assert after(night.engine, 4000).events == 0


def test_a_question_for_a_charts_number_is_open_no_longer_and_its_verdict_stays(
    night: Night,
) -> None:
    said = f"{'0' * 64} self 7"
    keep(
        night.engine,
        CLINIC,
        [
            Event(0, "e1", CHART_ASKED, WHO),
            Event(1, "e2", CHART_NAMED, WHO, "7"),
            Event(2, "e3", CHART_TRIED, WHO, said),
            Event(3, "e4", CHART_ASKED, WHO),
            Event(4, "e5", CHART_NAMED, WHO, "8"),
        ],
        chat.START,
    )
    assert accounts(night.engine, CLINIC, date.max, SCRIPT)[WHO].chart_step == "birth"
    assert after(night.engine, 4000).events == 4
    found = accounts(night.engine, CLINIC, date.max, SCRIPT)[WHO]
    assert (found.chart_step, [*found.links]) == ("", ["7"])


def test_alerts_go_after_their_days(night: Night) -> None:
    with writing(night.engine, CLINIC) as con:
        raise_written(con, at(0, 0), CLINIC, "urgent_message", "e1", "緊急", ["webhook"])
        raise_written(con, at(23, 59), "another", "urgent_message", "e2", "緊急", ["webhook"])
    assert after(night.engine, 300).alerts == 0
    assert len(rows_of(night.engine, staff_alert)) == 2
    assert after(night.engine, 301).alerts == 1
    assert [row["clinic_id"] for row in rows_of(night.engine, staff_alert)] == ["another"]
    assert [row["clinic_id"] for row in rows_of(night.engine, alert)] == ["another"]


def test_the_audit_goes_after_its_days(night: Night) -> None:
    with writing(night.engine, CLINIC) as con:
        write_audit(con, at(0, 0), CLINIC, "voice_read", "院長", "1 texts")
        write_audit(con, at(0, 0), "another", "voice_read", "院長", "1 texts")
    assert after(night.engine, 400).audit == 0
    assert after(night.engine, 401).audit == 1
    assert [row["clinic_id"] for row in rows_of(night.engine, audit)] == ["another"]


SAYINGS = st.sampled_from(
    [
        "配信停止",
        "痛くて通えないので配信停止して",
        "連携解除",
        "アンケート",
        "問診",
        "予約",
        "駅から遠い",
        "胸が痛い",
        "AB34CD56",
        "",
    ]
)
TAPPED = st.sampled_from(
    [
        "consent:v1:all:yes",
        "consent:v1:visit:no",
        "answer:voice:v1:wish:evening_visit",
        "answer:intake:v1:department:internal",
        "pick:intake:v1:department:internal",
        "done:intake:v1:department",
        "menu",
    ]
)
WORDS = st.builds(lambda said: ("message", {"message": {"type": "text", "text": said}}), SAYINGS)
POSTBACKS = st.builds(lambda data: ("postback", {"postback": {"data": data}}), TAPPED)
KINDS = st.sampled_from([("follow", {}), ("unfollow", {}), ("beacon", {})])
LIFE = st.lists(
    st.tuples(KINDS | WORDS | POSTBACKS, st.sampled_from([WHO, "U" + "b" * 32]),
              st.integers(0, 300 * 24 * 60)),
    max_size=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def one_ledger(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return open_ledger(f"sqlite:///{tmp_path_factory.mktemp('retention')}/ledger.db")


@settings(max_examples=60, deadline=None)
@given(LIFE, st.integers(50, 700))
def test_whatever_goes_the_accounts_are_the_same(
    one_ledger: Engine, life: list[tuple[tuple[str, dict[str, object]], str, int]], days: int
) -> None:
    with one_ledger.begin() as con:
        con.execute(line_event.delete())
        con.execute(link_code_patient.delete())
        con.execute(link_code.delete())
        common = {"clinic_id": CLINIC, "digest": digest("AB34CD56")}
        times = {"issued_ms": 0, "expires_ms": 2**50}
        con.execute(link_code.insert(), [common | times | {"relation": "self"}])
        con.execute(link_code_patient.insert(), [{"digest": common["digest"], "patient_id": "7"}])
    hear(one_ledger, *(chat.event(kind, who, at_, **more) for (kind, more), who, at_ in life))
    before = accounts(one_ledger, CLINIC, date.max, SCRIPT)
    after(one_ledger, days)
    now = accounts(one_ledger, CLINIC, date.max, SCRIPT)
    assert now == {who: each for who, each in before.items() if who in now}
    assert all(each == Account() for who, each in before.items() if who not in now)
