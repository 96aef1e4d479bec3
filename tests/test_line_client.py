"""LINE's own SDK, as we use it, against the stand-in: what an answer means, one arrival a send."""

import hashlib
import json
import logging
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from delivery_fixtures import at, user, users

from dagster_project.line.body import render_body
from dagster_project.line.client import AlteredBodyError, LineClient
from dagster_project.line.meaning import named_properties
from dagster_project.line.replies import Kind, Quota, Reply
from dagster_project.simulator import RunningSimulator, start
from dagster_project.simulator.channel import Channel
from dagster_project.simulator.faults import AFTER, BEFORE, RESERVED

TOKEN = "simulator:aozora"  # noqa: S105
MESSAGE = "ご予約のお知らせ"
TEXT = [{"type": "text", "text": MESSAGE}]
QUICK = (1.0, 0.3)


# The SDK would write `weight` before `wrap`.
FLEX = {
    "type": "flex",
    "altText": "お知らせ",
    "contents": {
        "type": "bubble",
        "body": {
            "type": "box",
            "layout": "vertical",
            "contents": [{"type": "text", "text": "お知らせ", "wrap": True, "weight": "bold"}],
        },
    },
}


@dataclass
class Line:
    """A simulator with a channel of 20 friends, and the client under test."""

    simulator: RunningSimulator
    client: LineClient
    channel: Channel

    def meet(self, fault: str) -> Reply:
        """Send to everybody while LINE fails in this way; return what the client makes of it."""
        self.channel.faults = [fault]
        return self.client.send(BODY, key())


BODY = render_body(users(20), TEXT, "b_unit")
PUSH = render_body(users(1), TEXT, "b_unit")


def key() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def line() -> Iterator[Line]:
    with start(now=at(12)) as simulator:
        channel = simulator.state.channel("aozora")
        channel.friends |= set(users(20))
        channel.monthly_limit = 1000
        yield Line(simulator, LineClient(simulator.base_url, TOKEN, timeouts=QUICK), channel)


# --- every answer, one meaning, one arrival -------------------------------------------------


@pytest.mark.parametrize("body", [BODY, PUSH], ids=["multicast", "push"])
def test_accepted_then_already_accepted_with_the_first_id(line: Line, body: bytes) -> None:
    same = key()
    first, again = line.client.send(body, same), line.client.send(body, same)
    assert (first.kind, first.status) == (Kind.ACCEPTED, 200)
    assert (again.kind, again.status) == (Kind.ALREADY_ACCEPTED, 409)
    assert again.accepted_request_id == first.request_id
    assert again.request_id != first.request_id
    assert {each["user"] for each in line.channel.inbox} == set(
        users(20) if body is BODY else users(1)
    )
    assert {each["messages"][0]["text"] for each in line.channel.inbox} == {MESSAGE}


MEANINGS = {
    "reset_before": (Kind.UNKNOWN, None),
    "500_before": (Kind.UNKNOWN, 500),
    "502_html": (Kind.UNKNOWN, 502),
    "429_rate": (Kind.RATE_LIMITED, 429),
    "429_retry_after": (Kind.RATE_LIMITED, 429),
    "429_reserved": (Kind.RATE_LIMITED, 429),
    "401_once": (Kind.UNAUTHORIZED, 401),
    "403_forbidden": (Kind.FORBIDDEN, 403),
    "400_bare": (Kind.UNKNOWN, 400),
    "redirect": (Kind.UNKNOWN, 307),
    "accept_500": (Kind.UNKNOWN, 500),
    "accept_html": (Kind.UNKNOWN, 200),
    "accept_reset": (Kind.UNKNOWN, None),
    "accept_fin": (Kind.UNKNOWN, None),
    "accept_hang": (Kind.UNKNOWN, None),
    "accept_truncated": (Kind.UNKNOWN, None),
}


def test_every_fault_has_a_meaning_here() -> None:
    assert MEANINGS.keys() == BEFORE | AFTER | {RESERVED}


@pytest.mark.parametrize("fault", sorted(MEANINGS))
def test_a_fault_is_met_once_and_means_this(line: Line, fault: str) -> None:
    began = time.monotonic()
    reply = line.meet(fault)
    assert (reply.kind, reply.status) == MEANINGS[fault]
    assert len(line.channel.requests) == 1, "the client never repeats a send by itself"
    assert len(line.channel.inbox) == (20 if fault in AFTER else 0)
    assert time.monotonic() - began < 2, "no Retry-After is slept through, no hang is waited for"


@pytest.mark.parametrize("fault", sorted(AFTER))
def test_after_an_unknown_answer_the_same_key_learns_the_truth(line: Line, fault: str) -> None:
    same = key()
    line.channel.faults = [fault]
    assert line.client.send(BODY, same).kind is Kind.UNKNOWN
    assert line.client.send(BODY, same).kind is Kind.ALREADY_ACCEPTED
    assert len(line.channel.inbox) == 20


def test_a_redirect_elsewhere_is_not_followed_and_no_token_goes_there(line: Line) -> None:
    with start() as elsewhere:
        reply = line.meet(f"redirect:{elsewhere.base_url}/v2/bot/message/multicast")
        assert (reply.kind, reply.status) == (Kind.UNKNOWN, 307)
        assert not elsewhere.state.calls


def test_a_slow_answer_within_the_timeout_is_an_answer(line: Line) -> None:
    assert line.meet("slow:0.1").kind is Kind.ACCEPTED
    assert line.meet("slow:0.5").kind is Kind.UNKNOWN


def test_a_token_nobody_knows(line: Line) -> None:
    stranger = LineClient(line.simulator.base_url, "simulator:hinata", timeouts=QUICK)
    assert stranger.send(BODY, key()).kind is Kind.UNAUTHORIZED
    with pytest.raises(PermissionError, match="401"):
        stranger.basic_id()
    with pytest.raises(ConnectionError):
        stranger.quota()


@pytest.mark.parametrize(
    ("body", "blamed"), [(render_body([user(0), user(77)], TEXT, "u"), "to[1]"), (PUSH, "to")]
)
def test_an_unknown_person_is_named_so_that_the_others_can_get_theirs(
    line: Line, body: bytes, blamed: str
) -> None:
    line.channel.unknown_users = "refused"
    line.channel.friends -= {user(77)} | (set(users(1)) if body is PUSH else set())
    reply = line.client.send(body, key())
    assert (reply.kind, reply.status, reply.detail) == (Kind.REJECTED, 400, blamed)


def test_a_message_that_breaks_a_rule_is_rejected_by_name(line: Line) -> None:
    long = render_body(users(2), [{"type": "text", "text": "x" * 5001}], "u")
    reply = line.client.send(long, key())
    assert (reply.kind, reply.detail) == (Kind.REJECTED, "messages[0].text")


def test_too_large_is_rejected(line: Line) -> None:
    contents = {"type": "bubble", "body": {"type": "box", "layout": "vertical", "contents": []}}
    contents["body"]["contents"] = [{"type": "text", "text": "x" * 2_100_000}]  # type: ignore[index]
    body = render_body(users(2), [{"type": "flex", "altText": "a", "contents": contents}], "u")
    reply = line.client.send(body, key())
    assert (reply.kind, reply.status) == (Kind.REJECTED, 413)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"message": "x", "details": [{"property": "messages[0].text"}]}', ["messages[0].text"]),
        ('{"message": "x", "details": [{"message": "no property"}]}', []),
        ('{"message": "The property, \'to\', in the request body is invalid (line: -)"}', ["to"]),
        ('{"message": "The property, to[12], in the request body is invalid"}', ["to[12]"]),
        ('{"message": "Bad request"}', []),
        ('{"message": "Failed to send messages"}', []),
        ('{"message": "x", "details": null}', []),
        ("[]", []),
        ("", []),
        ("<html>", []),
        ("null", []),
    ],
)
def test_what_an_error_blames(body: str, named: list[str]) -> None:
    assert named_properties(body, is_push=False) == named


# --- 429: the quota tells why, not the text -------------------------------------------------


@pytest.mark.parametrize(
    ("used", "lag", "kind"),
    [
        (1000, 0, Kind.QUOTA_EXHAUSTED),  # the month is full
        (990, 0, Kind.QUOTA_EXHAUSTED),  # ten are left, for twenty people
        (990, 500, Kind.RATE_LIMITED),  # full, but LINE does not show it yet: wait, no verdict
        (980, 0, Kind.ACCEPTED),
    ],
)
def test_a_full_month_is_told_by_the_quota(line: Line, used: int, lag: int, kind: Kind) -> None:
    line.channel.used["2026-06"], line.channel.consumption_lag = used, lag
    assert line.client.send(BODY, key()).kind is kind


def test_a_429_while_the_quota_cannot_be_read_is_no_verdict(line: Line) -> None:
    line.channel.faults = ["429_rate"]
    broken = LineClient(line.simulator.base_url, TOKEN, timeouts=QUICK)
    broken.quota = lambda: (_ for _ in ()).throw(ConnectionError())  # type: ignore[method-assign]
    assert broken.send(BODY, key()).kind is Kind.RATE_LIMITED


def test_the_quota_with_and_without_a_limit(line: Line) -> None:
    line.client.send(BODY, key())
    assert line.client.quota() == Quota(1000, 20)
    line.channel.monthly_limit = None
    assert line.client.quota() == Quota(None, 20)
    assert line.client.quota().left is None


# --- other questions ------------------------------------------------------------------------


def test_the_account_is_known_by_its_basic_id_with_one_request(line: Line) -> None:
    line.channel.basic_id = "@aozora"
    assert line.client.basic_id() == "@aozora"
    assert line.simulator.state.calls == {"GET /v2/bot/info": 1}


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_every_page_of_unit_names_is_read(line: Line, count: int) -> None:
    names = [f"b_{number}" for number in range(count)]
    line.channel.units["2026-06"] = names
    assert line.client.aggregation_units() == set(names)
    pages = line.simulator.state.calls["GET /v2/bot/message/aggregation/list"]
    assert pages == max(1, -(-count // 100))


# --- servers that are not LINE --------------------------------------------------------------


@pytest.fixture
def mute() -> Iterator[str]:
    """Listen, take every connection, and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for each in taken:
            each.close()


def test_a_mute_server_is_left_after_the_timeout(mute: str) -> None:
    client = LineClient(mute, TOKEN, timeouts=(0.2, 0.2))
    began = time.monotonic()
    assert client.send(BODY, key()).kind is Kind.UNKNOWN
    for ask in (client.basic_id, client.quota, client.aggregation_units):
        with pytest.raises(ConnectionError):
            ask()
    assert time.monotonic() - began < 2


def test_nobody_at_home_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reply = LineClient(f"http://127.0.0.1:{port}", TOKEN).send(BODY, key())
    assert (reply.kind, reply.status) == (Kind.UNKNOWN, None)


def answering(raw: bytes) -> tuple[str, socket.socket]:
    """Serve one answer, whatever is asked."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(raw)
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}", server


@pytest.mark.parametrize(
    "status", [b"200 OK", b"409 Conflict", b"503 Busy", b"407 Proxy", b"418 Teapot"]
)
def test_an_answer_without_lines_own_id_proves_nothing(status: bytes) -> None:
    url, server = answering(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n{}")
    with server:
        assert LineClient(url, TOKEN, timeouts=QUICK).send(BODY, key()).kind is Kind.UNKNOWN


def test_an_answer_in_another_encoding_is_unknown() -> None:
    page = "<html>お待ちください</html>".encode("cp932")
    head = f"HTTP/1.1 503 Busy\r\nContent-Length: {len(page)}\r\n\r\n".encode()
    url, server = answering(head + page)
    with server:
        assert LineClient(url, TOKEN, timeouts=QUICK).send(BODY, key()).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    "url",
    [
        "https://api.line.me",
        "http://192.0.2.1:8787",
        "http://127.0.0.1@example.com",
        "http://localhost.example.com",
        "http://[2001:db8::1]",
        "127.0.0.1:8787",
    ],
)
def test_no_other_machine_unless_live(url: str) -> None:
    with pytest.raises(ValueError, match="live sending is not declared"):
        LineClient(url, TOKEN)


def test_live_has_timeouts_and_no_retries_too() -> None:
    client = LineClient("https://api.line.me", TOKEN, live=True)
    assert client._timeouts == (5, 20)
    assert client._client.configuration.retries is False
    assert client._client.configuration.debug is False


# --- the bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(json.loads(BODY), ensure_ascii=False).encode(),
        json.dumps(json.loads(BODY), separators=(",", ":")).encode(),
        BODY.replace(b"false", b'true, "notificationDisabled": false'),
    ],
)
def test_bytes_that_would_be_altered_are_not_sent(line: Line, body: bytes) -> None:
    with pytest.raises(AlteredBodyError) as caught:
        line.client.send(body, key())
    assert not line.simulator.state.calls, "nothing left at all"
    assert MESSAGE not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [b"{}", b"{", render_body(users(501), TEXT, "u"), render_body(users(2), [], "u")],
)
def test_what_is_no_request_at_all_raises_before_anything_leaves(line: Line, body: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        line.client.send(body, key())
    assert not line.simulator.state.calls


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        PUSH,
        render_body(users(2), [FLEX], "u"),
        render_body(users(2), [FLEX | {"aNewProperty": [1]}], "u"),
        json.dumps(dict(reversed(json.loads(BODY).items()))).encode(),
    ],
    ids=["multicast", "push", "flex", "unknown property", "other order"],
)
def test_the_very_bytes_arrive(line: Line, body: bytes) -> None:
    same = key()
    assert line.client.send(body, same).kind is Kind.ACCEPTED
    assert line.client.send(body, same).kind is Kind.ALREADY_ACCEPTED
    assert line.channel.altered_retries == 0
    (remembered,) = line.channel.keys.values()
    assert remembered.sha256 == hashlib.sha256(body).hexdigest()


# --- secrets --------------------------------------------------------------------------------


def test_no_token_no_text_no_person_in_logs_replies_and_errors(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = LineClient(line.simulator.base_url, f"{TOKEN}-secret", timeouts=QUICK)
    for name in ("linebot.v3.messaging", "urllib3"):
        caplog.set_level(logging.DEBUG, logger=name)  # the SDK quietens them when it starts
    said = [repr(line.meet(fault)) for fault in sorted(MEANINGS)]
    said.append(repr(line.client.send(BODY, key())))
    said.append(repr(stranger.send(BODY, key())))
    for ask in (stranger.basic_id, stranger.quota, stranger.aggregation_units):
        try:
            ask()
        except Exception:  # noqa: BLE001
            said.append(traceback.format_exc())
    said += [record.getMessage() for record in caplog.records]
    assert len(said) > 2 * len(MEANINGS), "the SDK and urllib3 do log at DEBUG"
    for secret in (TOKEN, "-secret", MESSAGE, user(0), "\\u3054"):
        assert not [each for each in said if secret in each]
