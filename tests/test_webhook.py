"""The webhook over real HTTP: what is acknowledged is kept, what is not signed is not looked at."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import chat
import pytest
from clinic_builder import user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from webhook_service import SECRET, Service, serving

from dagster_project.conversation.script import Script
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.conversation import accounts, issue_code
from dagster_project.ledger.tables import audit

ME = user(1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    ledger = tmp_path_factory.mktemp("webhook") / "ledger.db"
    with serving(f"sqlite:///{ledger}") as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    with running.engine.begin() as con:
        con.execute(line_event.delete())
        con.execute(audit.delete())
    running.answers.given.clear()
    return running


def account(service: Service, who: str = ME) -> Any:
    return accounts(service.engine, "good", date.max, Script())[who]


def test_a_signed_event_is_kept_and_a_redelivery_adds_nothing(service: Service) -> None:
    event = chat.event("follow", ME, 0)
    again = {**event, "deliveryContext": {"isRedelivery": True}}
    assert [service.say(event), service.say(again), service.say(event, again)] == [200] * 3
    assert service.kept() == 1
    assert account(service).is_following is True


def test_the_ping_of_the_console_is_answered(service: Service) -> None:
    assert service.say() == 200
    assert service.kept() == 0


@pytest.mark.parametrize("signature", ["", "x", "é", chat.signature(b"another body", SECRET)])
def test_what_is_not_signed_is_refused_and_not_kept(service: Service, signature: str) -> None:
    raw = chat.body([chat.event("follow", ME, 0)])
    assert service.post(raw, signature or " ") == 401
    assert service.post(raw, chat.signature(raw, "of another clinic")) == 401
    assert service.kept() == 0


def test_one_clinic_is_no_business_of_another(service: Service) -> None:
    raw = chat.body([chat.event("follow", ME, 0)])
    assert service.post(raw, clinic="unknown") == 404
    assert service.kept() == 0


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"events": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_signed_body_that_is_no_webhook_is_refused(service: Service, raw: bytes) -> None:
    assert service.post(raw) == 400


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = ["type", "mode", "timestamp", "source", "webhookEventId", "message", "postback",
        "replyToken"]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck(9)])
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=8) | ODD, max_size=4))
def test_whatever_is_signed_is_never_an_error_of_ours(service: Service, events: list[Any]) -> None:
    raw = json.dumps({"events": events}).encode()
    assert service.post(raw) == 200


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck(9)])
@given(st.binary(max_size=300), st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_whatever_is_not_signed_is_refused(service: Service, raw: bytes, signature: str) -> None:
    assert service.post(raw, signature or "x") == 401


def test_a_code_of_the_reception_links_and_asks_what_to_send(service: Service) -> None:
    code = issue_code(service.engine, "good", ["7"], "parent", "reception", chat.START)
    messages = service.answered(chat.text(f"{code[:4]}-{code[4:].lower()}", ME, 1))
    assert "連携しました" in messages[0]["text"]
    assert "連携解除" in messages[0]["text"], "how to unlink is said when linking"
    assert "7" not in json.dumps(messages, ensure_ascii=False), "nothing about a chart"
    labels = [each["action"]["label"] for each in messages[0]["quickReply"]["items"]]
    assert len(labels) <= 13
    assert all(len(label) <= 20 for label in labels)
    assert account(service).links["7"].relation == "parent"


def test_a_wrong_a_used_and_an_old_code_get_the_same_answer(service: Service) -> None:
    used = issue_code(service.engine, "good", ["7"], "self", "reception", chat.START)
    old = issue_code(service.engine, "good", ["8"], "self", "reception", chat.START)
    service.say(chat.text(used, user(2), 0))
    answers = [
        service.answered(chat.text(said, ME, minute))
        for said, minute in (("ZZ34ZZ56", 1), (used, 2), (old, 15 * 24 * 60))
    ]
    assert answers[0] == answers[1] == answers[2]


def test_who_is_locked_gets_the_answer_of_a_wrong_code(service: Service) -> None:
    good = issue_code(service.engine, "good", ["7"], "self", "reception", chat.START)
    wrong = [service.answered(chat.text("ZZ34ZZ56", ME, minute)) for minute in range(5)]
    assert service.answered(chat.text(good, ME, 6)) == wrong[0]
    assert not account(service).links


def test_consent_is_a_tap_and_stopping_is_a_word(service: Service) -> None:
    messages = service.answered(chat.text("配信設定", ME, 0))
    taps = [each["action"]["data"] for each in messages[0]["quickReply"]["items"]]
    vaccine = next(each for each in taps if "vaccine" in each)
    assert "予防接種" in service.answered(chat.tap(vaccine, ME, 1))[0]["text"]
    assert account(service).consents["vaccine"].is_granted
    assert "止めました" in service.answered(chat.text("配信停止", ME, 2))[0]["text"]
    assert not any(each.is_granted for each in account(service).consents.values())


@pytest.mark.parametrize(
    ("said", "is_urgent"),
    [
        ("朝から胸が痛いです", True),
        ("子どもの意識が ない", True),
        ("ｺﾄﾞﾓｶﾞ ｹｲﾚﾝ", True),
        ("胸のレントゲンはいつですか", False),
    ],
)
def test_urgent_words_get_the_safety_answer_and_tell_the_staff(
    service: Service, said: str, is_urgent: bool
) -> None:
    event = {**chat.text(said, ME, 0), "replyToken": "t"}
    if is_urgent:
        assert "119" in service.answered(event)[0]["text"]
    else:
        assert service.say(event) == 200
    with service.engine.connect() as con:
        lines = con.execute(select(audit.c.kind, audit.c.subject, audit.c.detail)).all()
    assert bool(lines) is is_urgent
    assert said not in str(lines)


def test_where_others_read_along_nothing_is_answered_but_all_is_kept(service: Service) -> None:
    source = {"type": "group", "groupId": "C1", "userId": ME}
    event = {**chat.text("配信設定", ME, 0), "source": source, "replyToken": "t"}
    assert service.say(event) == 200
    assert service.kept() == 1
    assert service.answers.given == []


def test_on_standby_nothing_is_answered_but_all_is_kept(service: Service) -> None:
    event = {**chat.text("配信停止", ME, 0), "mode": "standby", "replyToken": "t"}
    assert service.say(event) == 200
    assert service.kept() == 1
    assert not service.answers.given


def test_an_error_of_the_ledger_holds_nothing_that_was_to_be_written(service: Service) -> None:
    row = {"clinic_id": "good", "event_id": "e", "kind": "message", "said": "膝が痛い"}
    with pytest.raises(IntegrityError) as error, service.engine.begin() as con:
        con.execute(line_event.insert(), [row])
    assert "膝" not in str(error.value)


def test_a_ledger_out_of_reach_is_not_acknowledged(service: Service) -> None:
    with service.engine.begin() as con:
        line_event.drop(con)
    try:
        assert service.say(chat.event("follow", ME, 0)) == 503
    finally:
        with service.engine.begin() as con:
            line_event.create(con)
    assert service.say(chat.event("follow", ME, 0)) == 200
