"""Linking without a code: chart number and birth date, judged once and locked after five tries."""

import http.client
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import chat
import duckdb
import pytest
from asgi import post
from clinic_builder import user
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from webhook_service import Service, on_a_port, serving

from dagster_project.conversation.app import Ways, build_app
from dagster_project.conversation.chart import Judge, born_on, chart_digest
from dagster_project.conversation.events import Event
from dagster_project.conversation.fold import Account, fold
from dagster_project.conversation.script import Script
from dagster_project.conversation.words import words
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.conversation import account, accounts
from dagster_project.ledger.store import open_ledger

SECRET, LOGIN_SECRET = "of-this-clinic", "of-its-login"
ME = user(1)
DAY = 24 * 60
RIGHT = "12345 1980-01-02"


@dataclass
class Place:
    """A clinic with a published list of two, and a service that links by number and birth."""

    engine: Engine
    published: Path
    app: Starlette
    given: list[list[dict[str, Any]]] = field(default_factory=list)

    def reply(self, _: str, messages: Sequence[dict[str, Any]]) -> None:
        self.given.append(list(messages))

    def link_token(self, line_user_id: str) -> str:
        return f"token-of-{line_user_id[-1]}"

    def say(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        raw = chat.body([{**each, "replyToken": each["webhookEventId"]} for each in events])
        headers = {"x-line-signature": chat.signature(raw, SECRET)}
        before = len(self.given)
        assert post(self.app, "/webhook/good", raw, headers).status == 200
        return self.given[-1] if len(self.given) > before else []

    def me(self, who: str = ME) -> Account:
        whole = accounts(self.engine, "good", date.max, Script()).get(who, Account())
        assert account(self.engine, "good", who, Script()) == whole, (
            "one account alone folds as among all"
        )
        return whole

    def links(self, who: str = ME) -> dict[str, str]:
        return {chart: link.relation for chart, link in self.me(who).links.items()}

    def kept(self) -> str:
        with self.engine.connect() as con:
            return str(con.execute(select(line_event)).all())


def publish(path: Path, born: str = "1980-01-02") -> None:
    aside = path.with_suffix(".new")
    with duckdb.connect(str(aside)) as con:
        con.execute(
            "create table stg_patients as select * from (values"
            f" ('12345', date '{born}', false, false, null::date),"
            " ('7', date '2021-05-20', false, false, null),"
            " ('8', date '1980-01-02', false, false, date '2026-05-01'),"
            " ('9', date '1980-01-02', true, false, null)"
            ") as t (patient_id, birth_date, is_test, is_deceased, vanished_on)"
        )
    aside.replace(path)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    published = tmp_path / "warehouse.duckdb"
    publish(published)
    here = Place(engine, published, None)  # type: ignore[arg-type]
    ways = Ways(
        judges={
            "good": Judge(published, words(), partial(account, engine, "good", script=Script()))
        },
        login_urls={"good": "https://login.example/line"},
        login_secrets={"good": LOGIN_SECRET, "off": ""},
        dialogs={"good": "https://access.line.example/accountLink"},
    )
    here.app = build_app(engine, {"good": SECRET}, {"good": here}, lambda: chat.START, ways)
    return here


@pytest.mark.parametrize(
    "said",
    [RIGHT, "0012345　1980/1/2", "１２３４５ １９８０年１月２日", "12345 昭和55年1月2日",
     "12345 S55.1.2", "12345、19800102", "12345 S550102", "診察券番号 12345 1980.1.2生まれ"],
)  # fmt: skip
def test_number_and_birth_date_link_however_they_are_written(place: Place, said: str) -> None:
    answer = place.say(chat.text(said, ME, 0))
    assert place.links() == {"12345": "self"}
    assert "連携解除" in answer[0]["text"], "how to unlink is said when linking"
    assert "12345" not in json.dumps(answer)


def test_a_childs_chart_is_linked_to_a_parent(place: Place) -> None:
    place.say(chat.text("7 2021-05-20", ME, 0))
    assert place.links() == {"7": "parent"}


def test_two_questions_lead_to_the_link(place: Place) -> None:
    assert "診察券番号" in place.say(chat.text("診察券で連携", ME, 0))[0]["text"]
    assert "生年月日" in place.say(chat.text("12345", ME, 1))[0]["text"]
    place.say(chat.text("昭和55年1月2日", ME, 2))
    assert place.links() == {"12345": "self"}
    assert "55" not in place.kept()


def test_what_is_said_in_between_ends_the_questions(place: Place) -> None:
    place.say(chat.text("診察券で連携", ME, 0), chat.text("12345", ME, 1))
    assert not place.say(chat.text("やめます", ME, 2))
    assert not place.say(chat.text("1980-01-02", ME, 3))
    assert not place.links()


@pytest.mark.parametrize("said", ["12345 1980-01-03", "99999 1980-01-02", "12345 1980-13-02",
                                  "8 1980-01-02", "9 1980-01-02"])  # fmt: skip
def test_whatever_is_wrong_the_answer_is_the_same(place: Place, said: str) -> None:
    answer = place.say(chat.text(said, ME, 0))
    assert [each["text"] for each in answer] == [words().answers["not_linked"]]
    assert not place.links()
    for minute in range(1, 5):
        place.say(chat.text("12345 1970-01-01", ME, minute))
    assert place.say(chat.text(RIGHT, ME, 9)) == answer, "and when it is locked"
    assert not place.links()


@pytest.mark.parametrize(("wrong", "is_linked"), [(4, True), (5, False)])
def test_five_wrong_tries_lock_an_account(place: Place, wrong: int, is_linked: bool) -> None:
    for number in range(wrong):
        place.say(chat.text(f"{number + 100} 1980-01-02", ME, number))
    place.say(chat.text(RIGHT, ME, 10))
    assert bool(place.links()) is is_linked
    if not is_linked:
        place.say(chat.text(RIGHT, ME, 4 + DAY))
        assert place.links(), "the lock ends a day after the tries"


@pytest.mark.parametrize(("wrong", "is_linked"), [(4, True), (5, False)])
def test_many_accounts_cannot_guess_one_chart(place: Place, wrong: int, is_linked: bool) -> None:
    for number in range(wrong):
        place.say(chat.text("012345 1980-02-0" + str(number + 1), user(10 + number), number))
    place.say(chat.text(RIGHT, ME, 10))
    assert bool(place.links()) is is_linked
    place.say(chat.text("7 2021-05-20", ME, 11))
    assert "7" in place.links(), "another chart is not locked"


@pytest.mark.parametrize("in_order", [True, False])
def test_d4_five_wrong_birth_dates_lock_the_link_through_http(
    tmp_path: Path, in_order: bool
) -> None:
    """Signed, delivered three times and shuffled; in whatever order, nothing of a chart is told."""
    ledger, published = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "warehouse.duckdb"
    publish(published)
    engine = open_ledger(ledger)
    known = partial(account, engine, "good", script=Script())
    tries = [chat.text(f"12345 1980-02-0{n + 1}", ME, n) for n in range(5)]
    events = [
        {**each, "replyToken": each["webhookEventId"]} for each in [*tries, chat.text(RIGHT, ME, 5)]
    ]
    with serving(ledger, ways=Ways(judges={"good": Judge(published, words(), known)})) as service:
        for seed in range(3):
            first = in_order and seed == 0
            order = events if first else random.Random(seed).sample(events, len(events))  # noqa: S311
            for number, event in enumerate(order, 1):
                assert service.say(event) == 200
                assert not first or has_answered(service, number)
        assert service.kept() == len(events)
        assert has_answered(service, len(events))
    now = account(engine, "good", ME, Script())
    assert now.is_locked(events[-1]["timestamp"])
    assert not now.links
    said = [json.dumps(messages, ensure_ascii=False) for _, messages in service.answers.given]
    assert not [each for each in said if "12345" in each or "1980" in each]
    if in_order:
        assert said == [said[0]] * len(events), "the lock is answered as the wrong tries were"
        assert words().answers["not_linked"] in said[0]


def has_answered(service: Service, times: int) -> bool:
    for _ in range(250):
        if len(service.answers.given) == times:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    "said",
    [RIGHT, "12345 1980-01-03", "99999 1980-01-02", "12345 1980-13-02", "8 1980-01-02",
     "9 1980-01-02", "12345 S99.1.1"],
)  # fmt: skip
def test_whatever_is_wrong_and_when_it_is_locked_the_same_is_looked_up(
    place: Place, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """So the time an answer takes tells as little as its words."""
    asked: list[str] = []

    def counted(published: Path, chart: str) -> date | None:
        asked.append(chart)
        return born_on(published, chart)

    monkeypatch.setattr("dagster_project.conversation.chart.born_on", counted)
    place.say(chat.text(said, ME, 0))
    assert len(asked) == 1
    for minute in range(1, 7):
        place.say(chat.text("12345 1970-01-01", ME, minute))
    place.say(chat.text(said, ME, 8))
    assert place.me().is_locked(chat.text("", ME, 8)["timestamp"])
    assert len(asked) == 8


def test_neither_number_nor_birth_date_is_kept_of_a_wrong_try_in_clear(place: Place) -> None:
    place.say(chat.text("12345 1980-03-04", ME, 0))
    assert "1980" not in place.kept()


def test_in_one_webhook_the_questions_lead_to_the_link_and_no_birth_date_is_kept(
    place: Place,
) -> None:
    asked = [chat.text("診察券で連携", ME, 0), chat.text("12345", ME, 1)]
    place.say(chat.text("昭和55年1月2日", ME, 2), *reversed(asked))
    assert place.links() == {"12345": "self"}
    assert "55" not in place.kept()
    place.say(chat.text("診察券で連携", ME, 3), chat.text("やめます", ME, 4), chat.text("7", ME, 5))
    assert place.me().chart_step == ""


def test_a_birth_date_that_came_before_its_question_is_not_kept(place: Place) -> None:
    place.say(chat.text("1980年1月2日", ME, 2))
    place.say(chat.text("診察券で連携", ME, 0))
    assert "1980" not in place.kept()
    place.say(chat.text("1980年から通っています", ME, 3))
    assert "1980年から" in place.kept()


def test_an_emergency_with_figures_is_heard_while_a_birth_date_is_asked(place: Place) -> None:
    place.say(chat.text("診察券で連携", ME, 0))
    place.say(chat.text("12345", ME, 1))
    [reply] = place.say(chat.text("39度で10分前から息が苦しい", ME, 2))
    assert "119" in reply["text"]
    assert not place.me().wrong_tries


def test_a_code_is_a_code_while_a_birth_date_is_asked(place: Place) -> None:
    code = "AB23CD45"
    place.say(chat.text("診察券で連携", ME, 0))
    place.say(chat.text("12345", ME, 1))
    place.say(chat.text(code, ME, 2))
    [event] = [each for each in rows(place) if each.at_ms == chat.text("", ME, 2)["timestamp"]]
    assert (event.kind, event.said) == ("message", code)


def rows(place: Place) -> Sequence[Any]:
    with place.engine.connect() as con:
        return con.execute(select(line_event)).all()


def test_the_verdict_stands_whatever_is_published_later(place: Place) -> None:
    event = chat.text(RIGHT, ME, 0)
    place.say(event)
    publish(place.published, born="1999-09-09")
    place.say(event)
    assert place.links() == {"12345": "self"}
    place.published.unlink()
    assert place.links() == {"12345": "self"}
    place.say(chat.text(RIGHT, user(2), 1))
    assert not place.links(user(2))


def test_nobody_can_deliver_a_verdict(place: Place) -> None:
    place.say(chat.event("chart_tried", ME, 0, message={"text": f"{'0' * 64} self 12345"}))
    assert not place.links()


def held_up(seconds: float) -> Any:
    def judge(events: Sequence[Event]) -> list[Event]:
        time.sleep(seconds)
        return sorted(events)

    return judge


def out_of_reach(_: Sequence[Event]) -> list[Event]:
    raise OperationalError("select", {}, Exception("database is locked"))


@pytest.mark.parametrize(
    ("judge", "status"), [(held_up(0.1), 200), (held_up(2.5), 503), (out_of_reach, 503)]
)
def test_without_a_verdict_in_time_nothing_is_kept_and_line_is_told_to_come_again(
    tmp_path: Path, judge: Any, status: int
) -> None:
    with serving(f"sqlite:///{tmp_path}/ledger.db", ways=Ways(judges={"good": judge})) as service:
        began = time.monotonic()
        assert service.say(chat.text(RIGHT, ME, 0)) == status
        assert time.monotonic() - began < 2
        assert service.kept() == (status == 200)


def test_where_it_is_not_switched_on_it_is_a_message_like_any(tmp_path: Path) -> None:
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    app = build_app(engine, {"good": SECRET}, {}, lambda: chat.START)
    raw = chat.body([chat.text(RIGHT, ME, 0)])
    headers = {"x-line-signature": chat.signature(raw, SECRET)}
    assert post(app, "/webhook/good", raw, headers).status == 200
    assert not account(engine, "good", ME, Script()).links


def ask(place: Place, secret: str = LOGIN_SECRET, clinic: str = "good", **changes: Any) -> Any:
    body = {"linkToken": "token-of-1", "patientIds": ["0012345"], **changes}
    headers = {"Authorization": f"Bearer {secret}"}
    return post(place.app, f"/account-link/{clinic}", json.dumps(body).encode(), headers)


def linked(nonce: str, who: str, at: datetime | int) -> dict[str, Any]:
    return chat.event("accountLink", who, at, link={"result": "ok", "nonce": nonce})


def nonce_of(place: Place) -> str:
    redirect = ask(place).json()["redirect"]
    assert redirect.startswith(
        "https://access.line.example/accountLink?linkToken=token-of-1&nonce="
    )
    return str(redirect.rpartition("=")[2])


def test_the_clinics_login_links_by_a_nonce(place: Place) -> None:
    button = place.say(chat.text("ログインで連携", ME, 0))[0]
    assert (
        button["template"]["actions"][0]["uri"] == "https://login.example/line?linkToken=token-of-1"
    )
    assert "連携解除" in button["altText"]
    nonce = nonce_of(place)
    assert len(nonce) >= 43, "256 bit"
    assert nonce not in place.kept()
    place.say(linked(nonce, ME, 9))
    assert place.links() == {"12345": "self"}
    assert nonce not in place.kept(), "only its digest"
    place.say(linked(nonce, user(2), 9))
    assert not place.links(user(2)), "one use"


@pytest.mark.parametrize(("minute", "is_linked"), [(9, True), (10, False)])
def test_a_nonce_has_ten_minutes(place: Place, minute: int, is_linked: bool) -> None:
    place.say(linked(nonce_of(place), ME, minute))
    assert bool(place.links()) is is_linked


def test_the_clinics_login_may_name_a_relation_to_each_chart(place: Place) -> None:
    asked = {"patientIds": ["0012345", "7", "8"], "relation": "parent"}
    answer = ask(place, **asked, relations={"0012345": "self", "8": "other"})
    place.say(linked(answer.json()["redirect"].rpartition("=")[2], ME, 9))
    assert place.links() == {"12345": "self", "7": "parent", "8": "other"}


def test_a_failed_account_link_links_nobody(place: Place) -> None:
    failed = chat.event("accountLink", ME, 0, link={"result": "failed", "nonce": nonce_of(place)})
    place.say(failed)
    assert not place.links()


def test_only_the_clinics_login_gets_a_nonce(place: Place) -> None:
    assert ask(place, secret="guessed").status == 401  # noqa: S106
    assert ask(place, secret="").status == 401
    assert ask(place, secret="", clinic="off").status == 401
    assert ask(place, clinic="unknown").status == 401


@pytest.mark.parametrize(
    "changes",
    [{"linkToken": ""}, {"linkToken": 3}, {"patientIds": []}, {"patientIds": "1"},
     {"patientIds": [1]}, {"patientIds": ["1"] * 21}, {"relation": "boss"},
     {"relations": {"0012345": "boss"}}, {"relations": {"7": "self"}}, {"relations": ["self"]},
     {"relations": {"0012345": ["self"]}}, {"relation": ["self"]}, {"relation": {"a": 1}},
     {"linkToken": "\ud800"}],
)  # fmt: skip
def test_half_a_request_is_refused(place: Place, changes: dict[str, Any]) -> None:
    assert ask(place, **changes).status == 400


@pytest.mark.parametrize(("declared", "status"), [("9", 400), ("8193", 413), ("", 413), ("x", 413)])
def test_a_request_says_how_long_it_is(place: Place, declared: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {LOGIN_SECRET}", "content-length": declared}
    assert post(place.app, "/account-link/good", b"not json!", headers).status == status


def test_a_request_that_never_ends_is_cut(place: Place) -> None:
    with on_a_port(place.app, log_level="critical") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest("POST", "/account-link/good")
        connection.putheader("Authorization", f"Bearer {LOGIN_SECRET}")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"{")
        began = time.monotonic()
        assert connection.getresponse().status == 408
        assert time.monotonic() - began < 2
        connection.close()


def test_a_night_is_published_while_charts_are_looked_up(place: Place) -> None:
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            publish(place.published)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for number in range(2, 12):
            place.say(chat.text(RIGHT, user(number), number))
    finally:
        stop.set()
        thread.join()
    assert all(place.links(user(number)) for number in range(2, 12))
    with place.engine.connect() as con:
        assert con.execute(select(func.count()).select_from(line_event)).scalar_one() == 10


CHARTS = ("12345", "7")
TRIES = st.lists(
    st.tuples(
        st.sampled_from([ME, user(2)]),
        st.sampled_from(CHARTS),
        st.sampled_from(["self", "-", "-"]),
        st.integers(0, 2 * DAY),
    ),
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(TRIES, st.randoms(use_true_random=False), st.integers(0, 5))
def test_any_order_and_any_redelivery_of_tries_give_the_same_links(
    tries: list[tuple[str, str, str, int]], chance: Any, again: int
) -> None:
    straight = [
        Event(minute * 60_000, f"e{number}", "chart_tried", who, said)
        for number, (who, chart, relation, minute) in enumerate(tries)
        for said in [f"{chart_digest(chart)} {relation} {chart}"]
    ]
    shuffled = [*straight, *straight[:again]]
    chance.shuffle(shuffled)
    found = fold(shuffled, {}, Script())
    assert found == fold(straight, {}, Script())
    right = {(who, chart) for who, chart, relation, _ in tries if relation == "self"}
    assert {(who, chart) for who, each in found.items() for chart in each.links} <= right
