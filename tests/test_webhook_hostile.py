"""The webhook against what is odd, slow, repeated, in parallel, or not LINE at all."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import chat
import pytest
from clinic_builder import user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from webhook_wire import Listener, serving, status, wire

from dagster_project.conversation.app import BODY_SECONDS, MAX_BODY
from dagster_project.conversation.events import MAX_EVENTS
from dagster_project.conversation.script import Script
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import audit

SECRETS = {"good": "of-this-clinic", "other": "of-the-other-clinic"}
ME = user(1)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


class Service:
    def __init__(self, engine: Engine, file: Path, post: Any, listener: Listener) -> None:
        self.engine, self.file, self.post, self.listener = engine, file, post, listener
        self.port: int = post.port

    def kept(self, clinic: str = "good") -> list[str]:
        with self.engine.connect() as con:
            mine = line_event.c.clinic_id == clinic
            return list(con.execute(select(line_event.c.event_id).where(mine)).scalars())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    file = tmp_path_factory.mktemp("hostile") / "ledger.db"
    engine, listener = open_ledger(f"sqlite:///{file}"), Listener()
    with serving(engine, SECRETS, listener) as post:
        yield Service(engine, file, post, listener)


@pytest.fixture
def service(running: Service) -> Service:
    with running.engine.begin() as con:
        con.execute(line_event.delete())
        con.execute(audit.delete())
    running.listener.given.clear()
    return running


def eventually(is_so: Callable[[], bool]) -> bool:
    for _ in range(200):
        if is_so():
            return True
        time.sleep(0.05)
    return False


def test_shuffled_repeated_and_in_parallel_each_event_is_kept_and_answered_once(
    service: Service,
) -> None:
    events = [{**chat.text("配信設定", user(n % 7), n), "replyToken": f"t{n}"} for n in range(60)]
    bodies = [chat.body(events[n : n + 3]) for n in range(58)]
    with ThreadPoolExecutor(12) as pool:
        found = set(pool.map(service.post, [*reversed(bodies), *bodies, *bodies]))
    assert found == {200}
    assert sorted(service.kept()) == sorted(str(each["webhookEventId"]) for each in events)
    assert eventually(lambda: len(service.listener.given) >= 60)
    tokens = [token for token, _ in service.listener.given]
    assert sorted(tokens) == sorted(f"t{n}" for n in range(60))


def test_the_same_event_at_two_clinics_is_two_events(service: Service) -> None:
    raw = chat.body([chat.event("follow", ME, 0)])
    assert service.post(raw, "good") == service.post(raw, "other") == 200
    assert len(service.kept("good")) == len(service.kept("other")) == 1


@pytest.mark.parametrize(("clinic", "secret"), [("good", "other"), ("other", "good")])
def test_the_signature_of_another_clinic_is_refused(
    service: Service, clinic: str, secret: str
) -> None:
    raw = chat.body([chat.event("follow", ME, 0)])
    assert service.post(raw, clinic, SECRETS[secret]) == 401
    assert not service.kept("good")
    assert not service.kept("other")


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 200), (2.5, 503)])
def test_while_another_writes_for_long_the_answer_still_comes_in_time(
    service: Service, seconds: float, expected: int
) -> None:
    writer = sqlite3.connect(service.file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    event = {**chat.text("胸が痛い", ME, 0), "replyToken": "t"}
    raws = [chat.body([event]), *(chat.body([chat.event("follow", user(n), 0)]) for n in range(20))]

    def timed(raw: bytes) -> tuple[int, float]:
        began = time.monotonic()
        return service.post(raw), time.monotonic() - began

    with ThreadPoolExecutor(len(raws)) as pool:
        waiting = [pool.submit(timed, raw) for raw in raws]
        time.sleep(seconds)
        writer.execute("ROLLBACK")
        answers = [each.result() for each in waiting]
    writer.close()
    assert {code for code, _ in answers} == {expected}
    assert max(took for _, took in answers) < 2
    # Not acknowledged, and yet kept in the end: the redelivery is nothing new, and the one
    # in an emergency had the answer and the staff the report all the same.
    assert eventually(lambda: len(service.kept()) == len(raws))
    assert {service.post(raw) for raw in raws} == {200}
    assert len(service.kept()) == len(raws)
    assert eventually(lambda: bool(service.listener.given))
    assert [token for token, _ in service.listener.given] == ["t"]
    with service.engine.connect() as con:
        assert len(con.execute(select(audit)).all()) == 1


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**53, 2**63, 2**64, -(2**63), 253_402_300_800_000, 10**400])
    | st.floats()
    | ANY_TEXT
    | st.sampled_from(["\0", "\ud800", "follow", "message", "consent:v1:all:yes", "x" * 6000])
)
ODD = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "type": ODD | st.sampled_from(["follow", "unfollow", "message", "postback"]),
        "mode": ODD | st.just("active"),
        "timestamp": ODD,
        "source": ODD | st.fixed_dictionaries({"type": ODD, "userId": ODD | st.just(ME)}),
        "webhookEventId": ODD,
        "message": ODD | st.fixed_dictionaries({"type": ODD, "text": ODD}),
        "postback": ODD | st.fixed_dictionaries({"data": ODD}),
        "replyToken": ODD,
        "deliveryContext": ODD,
    },
)


@QUICK
@given(st.lists(EVENT | ODD, max_size=4), st.booleans())
def test_any_signed_events_are_kept_and_leave_the_accounts_readable(
    service: Service, events: list[Any], is_ascii: bool
) -> None:
    raw = json.dumps({"events": events}, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    # Bytes that are no UTF-8 are no JSON; everything else is.
    is_utf8 = raw.decode("utf-8", "replace").encode() == raw
    assert service.post(raw) in ({200} if is_utf8 else {200, 400})
    accounts(service.engine, "good", date.max, Script())


@pytest.mark.parametrize("odd", ["\ud800", "\0", "a\udfff\0b", "x" * 6000])
def test_any_text_in_any_field_can_be_kept(service: Service, odd: str) -> None:
    event = {**chat.text(odd, ME, 0), "type": odd, "webhookEventId": odd, "replyToken": odd}
    raw = json.dumps({"events": [event, {**event, "source": {"userId": odd}}]}).encode()
    assert service.post(raw) == 200
    assert len(service.kept()) == 2


@pytest.mark.parametrize("timestamp", [253_402_300_799_000, 2**53 - 1, -1, 1e300, "1", None])
def test_a_time_beyond_the_calendar_fails_no_night(service: Service, timestamp: object) -> None:
    assert service.post(chat.body([{**chat.event("follow", ME, 0), "timestamp": timestamp}])) == 200
    assert accounts(service.engine, "good", date.max, Script())[ME].is_following


@pytest.mark.parametrize(
    "raw",
    [
        b'{"events":[' + b"[" * 5000 + b"]" * 5000 + b"]}",
        b'{"events":[{"a":' + b"[" * 900 + b"]" * 900 + b"}]}",
        b'{"events":[{"timestamp":' + b"9" * 5000 + b"}]}",
        b'{"events":[' + b"{}," * 300_000 + b"{}]}",
        b'{"events":[' + b",".join(b'{"n":%d}' % n for n in range(MAX_EVENTS)) + b"]}",
        '{"events":[{"type":"follow"}]}'.encode("utf-16"),
        b'\xef\xbb\xbf{"events":[]}',
    ],
    ids=["deep list", "deep event", "huge number", "many of one", "many", "utf-16", "bom"],
)
def test_a_strange_signed_body_is_kept_or_refused_but_no_error(
    service: Service, raw: bytes
) -> None:
    assert service.post(raw) in {200, 400}


HEADER = st.binary(max_size=60).map(
    lambda raw: bytes(each for each in raw if each not in b"\r\n\0" and (each > 31 or each == 9))
)


@QUICK
@given(st.binary(max_size=200), HEADER, HEADER, st.integers(-5, 5))
def test_whatever_is_not_signed_is_refused_and_nothing_is_told(
    service: Service, raw: bytes, signature: bytes, kind: bytes, lie: int
) -> None:
    length = max(0, len(raw) + min(lie, 0))
    headers = {"x-line-signature": signature, "content-type": kind, "x-forwarded-for": kind}
    back = wire(service.port, "good", raw, headers, length)
    assert status(back) in {400, 401}
    assert b"Traceback" not in back
    assert not service.kept()


def test_a_body_that_never_ends_is_cut_in_time(service: Service) -> None:
    raw = chat.body([chat.event("follow", ME, 0)])
    headers = {"x-line-signature": chat.signature(raw, SECRETS["good"]).encode()}
    began = time.monotonic()
    assert status(wire(service.port, "good", raw, headers, len(raw) + 10)) == 408
    assert BODY_SECONDS <= time.monotonic() - began < 2
    assert not service.kept()


@pytest.mark.parametrize("declared", [MAX_BODY + 1, 10**18])
def test_a_body_declared_too_large_is_refused_before_it_comes(
    service: Service, declared: int
) -> None:
    began = time.monotonic()
    assert status(wire(service.port, "good", b"x", {}, declared)) == 413
    assert time.monotonic() - began < BODY_SECONDS


def test_the_largest_body_is_taken(service: Service) -> None:
    raw = b'{"events":[]}'
    assert service.post(raw + b" " * (MAX_BODY - len(raw))) == 200
