"""The stand-in does what LINE's documents say, so that a test against it means something."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from delivery_fixtures import at, user, users
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from dagster_project.simulator import RunningSimulator, start
from dagster_project.simulator.faults import AFTER, BEFORE

NOON = at(12)
TEXT = [{"type": "text", "text": "お知らせ"}]
BUBBLE = {"type": "bubble"}


@dataclass
class Raw:
    """A bare HTTP client of one channel: no SDK, no retries."""

    simulator: RunningSimulator
    clinic_id: str = "aozora"
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    def get(self, path: str, token: str | None = None) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {token or f'simulator:{self.clinic_id}'}"}
        return self.http.request("GET", self.simulator.base_url + path, headers=headers)

    def post(
        self,
        path: str,
        body: object,
        key: str | None = None,
        token: str | None = None,
        timeout: float = 5,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {token or f'simulator:{self.clinic_id}'}"}
        if key:
            headers["X-Line-Retry-Key"] = key
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = self.simulator.base_url + path
        return self.http.request(
            "POST", url, body=raw, headers=headers, timeout=timeout, redirect=False
        )

    def multicast(
        self, to: list[str], key: str | None = None, timeout: float = 5, **more: object
    ) -> urllib3.BaseHTTPResponse:
        body = {"to": to, "messages": TEXT, **more}
        return self.post("/v2/bot/message/multicast", body, key, timeout=timeout)

    def push(self, to: str, key: str | None = None, **more: object) -> urllib3.BaseHTTPResponse:
        return self.post("/v2/bot/message/push", {"to": to, "messages": TEXT, **more}, key)

    def control(self, what: str, **body: object) -> urllib3.BaseHTTPResponse:
        return self.post(f"/_simulator/{what}", {"clinic_id": self.clinic_id, **body})

    def copies(self) -> Counter[str]:
        return Counter(each["user"] for each in self.simulator.state.channel("aozora").inbox)

    def used(self) -> int:
        return self.get("/v2/bot/message/quota/consumption").json()["totalUsage"]


@pytest.fixture
def line() -> Iterator[Raw]:
    with start(now=NOON) as simulator:
        raw = Raw(simulator)
        raw.control("channels", monthly_limit=1000, channel="@aozora")
        raw.control("friends", following=users(20), blocked=[user(20)])
        yield raw


def key() -> str:
    return str(uuid.uuid4())


# --- retry keys -----------------------------------------------------------------------------


def test_a_replay_within_24_hours_is_409_with_the_first_id_and_one_copy(line: Raw) -> None:
    same = key()
    first = line.multicast(users(3), same)
    line.simulator.state.set_now(NOON + timedelta(hours=24, seconds=-1))
    again = line.multicast(users(3), same)
    assert (first.status, again.status) == (200, 409)
    assert again.headers["X-Line-Accepted-Request-Id"] == first.headers["X-Line-Request-Id"]
    assert again.headers["X-Line-Request-Id"] != first.headers["X-Line-Request-Id"]
    assert line.copies() == dict.fromkeys(users(3), 1)
    assert line.used() == 3


def test_after_24_hours_the_same_key_sends_again(line: Raw) -> None:
    same = key()
    line.multicast(users(3), same)
    line.simulator.state.set_now(NOON + timedelta(hours=24, seconds=1))
    assert line.multicast(users(3), same).status == 200
    assert line.copies() == dict.fromkeys(users(3), 2)


def test_the_24_hours_begin_with_the_first_request_even_if_it_failed(line: Raw) -> None:
    same = key()
    line.control("faults", script=["500_before"])
    assert line.multicast(users(3), same).status == 500
    line.simulator.state.set_now(NOON + timedelta(hours=23))
    assert line.multicast(users(3), same).status == 200
    line.simulator.state.set_now(NOON + timedelta(hours=24))
    assert line.multicast(users(3), same).status == 200
    assert line.copies() == dict.fromkeys(users(3), 2)


def test_a_pushs_replay_names_the_same_message_ids(line: Raw) -> None:
    same = key()
    first, again = line.push(user(0), same).json(), line.push(user(0), same).json()
    assert again["sentMessages"] == first["sentMessages"]


def test_a_replay_with_other_bytes_is_noticed(line: Raw) -> None:
    same = key()
    line.multicast(users(3), same)
    assert line.multicast(users(2), same).status == 409
    seen = line.get("/_simulator/requests?clinic_id=aozora").json()
    assert seen["altered_retries"] == 1
    assert [each["retry_key"] for each in seen["requests"]] == [same, same]


@pytest.mark.parametrize("bad", ["1", "not-a-uuid", "{123e4567-e89b-12d3-a456-426614174000}"])
def test_a_retry_key_is_a_uuid_and_only_for_sending(line: Raw, bad: str) -> None:
    assert line.multicast(users(1), bad).status == 400
    validate = "/v2/bot/message/validate/push"
    assert line.post(validate, {"messages": TEXT}, key()).status == 400
    assert line.post(validate, {"messages": TEXT}).status == 200
    assert not line.copies()


# --- who is reached, and what it costs ------------------------------------------------------


def test_the_quota_is_all_or_nothing(line: Raw) -> None:
    line.control("channels", monthly_limit=4)
    refused = line.multicast(users(5), key())
    assert (refused.status, refused.json()["message"]) == (
        429,
        "You have reached your monthly limit.",
    )
    assert (line.used(), line.copies()) == (0, {})
    assert line.multicast(users(4), key()).status == 200
    assert line.push(user(0), key()).status == 429


def test_blocked_people_are_skipped_and_not_counted(line: Raw) -> None:
    assert line.multicast([user(0), user(20)], key()).status == 200
    assert (line.copies(), line.used()) == ({user(0): 1}, 1)
    line.control("friends", following=[user(20)], blocked=[user(0)])
    line.multicast([user(0), user(20)], key())
    assert line.copies() == {user(0): 1, user(20): 1}


@pytest.mark.parametrize("unknown", ["skipped", "refused"])
def test_an_unknown_user_is_skipped_or_refused_as_the_documents_say_both(
    line: Raw, unknown: str
) -> None:
    line.control("channels", unknown_users=unknown)
    to_many, to_one = line.multicast([user(0), user(99)], key()), line.push(user(99), key())
    if unknown == "skipped":
        assert (to_many.status, to_one.status, line.copies()) == (200, 200, {user(0): 1})
        return
    assert (to_many.status, to_one.status, line.copies()) == (400, 400, {})
    assert to_many.json() == {
        "message": "The property, to[1], in the request body is invalid (line: -, column: -)"
    }
    assert to_one.json() == {"message": "Failed to send messages"}


def test_consumption_may_lag_behind(line: Raw) -> None:
    line.control("channels", consumption_lag=2)
    line.multicast(users(5), key())
    assert line.used() == 3
    line.control("channels", consumption_lag=0)
    assert line.used() == 5


def test_a_month_of_its_own_for_quota_and_units(line: Raw) -> None:
    line.simulator.state.set_now(datetime.fromisoformat("2026-06-30T23:59:59+09:00"))
    line.control("channels", used=998)
    assert line.multicast(users(2), key(), customAggregationUnits=["june"]).status == 200
    assert line.push(user(0), key()).status == 429
    line.simulator.state.set_now(datetime.fromisoformat("2026-07-01T00:00:00+09:00"))
    assert (line.used(), line.push(user(0), key()).status, line.used()) == (0, 200, 1)
    assert line.get("/v2/bot/message/aggregation/list").json() == {"customAggregationUnits": []}


def test_no_limit_is_type_none(line: Raw) -> None:
    assert line.get("/v2/bot/message/quota").json() == {"type": "limited", "value": 1000}
    line.control("channels", monthly_limit=None)
    assert line.get("/v2/bot/message/quota").json() == {"type": "none"}


def test_the_1001st_unit_is_sent_and_not_listed(line: Raw) -> None:
    channel = line.simulator.state.channel("aozora")
    channel.units["2026-06"] = [f"u{number}" for number in range(999)]
    for name in ("last", "u7", "one_too_many"):
        assert line.multicast(users(1), key(), customAggregationUnits=[name]).status == 200
    assert line.copies() == {user(0): 3}
    info = line.get("/v2/bot/message/aggregation/info").json()
    assert info == {"numOfCustomAggregationUnits": 1000}
    names: list[str] = []
    start_at = ""
    while True:
        page = line.get(f"/v2/bot/message/aggregation/list?limit=100&start={start_at}").json()
        assert len(page["customAggregationUnits"]) <= 100
        names += page["customAggregationUnits"]
        if "next" not in page:
            break
        start_at = page["next"]
    assert (len(names), "last" in names, "one_too_many" in names) == (1000, True, False)


def test_a_day_is_counted_when_it_is_over(line: Raw) -> None:
    line.multicast([*users(3), user(20)], key())
    line.push(user(0), key())

    def counted(day: str) -> object:
        return line.get(f"/v2/bot/message/delivery/multicast?date={day}").json()

    assert counted("20260601") == {"status": "unready"}
    line.simulator.state.set_now(NOON + timedelta(days=1))
    assert counted("20260601") == {"status": "ready", "success": 3}
    assert counted("20260531") == {"status": "ready", "success": 0}
    assert counted("20180330") == {"status": "out_of_service"}
    assert line.get("/v2/bot/message/delivery/multicast?date=June").status == 400


def test_the_account_and_its_friends(line: Raw) -> None:
    assert line.get("/v2/bot/info").json()["basicId"] == "@aozora"
    first = line.get("/v2/bot/followers/ids?limit=15").json()
    rest = line.get(f"/v2/bot/followers/ids?limit=15&start={first['next']}").json()
    assert (first["userIds"] + rest["userIds"], "next" in rest) == (users(20), False)
    assert line.get(f"/v2/bot/profile/{user(3)}").json()["userId"] == user(3)
    assert [line.get(f"/v2/bot/profile/{user(n)}").status for n in (20, 99)] == [404, 404]


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["simulator:hinata", "aozora", "simulator:", "live:aozora"])
def test_a_wrong_token_is_401_and_reaches_nobody(line: Raw, token: str) -> None:
    body = {"to": users(1), "messages": TEXT}
    assert line.post("/v2/bot/message/multicast", body, key(), token).status == 401
    assert line.get("/v2/bot/info", token).status == 401
    assert not line.copies()


@pytest.mark.parametrize(
    ("change", "blamed"),
    [
        ({"to": []}, "to"),
        ({"to": users(501)}, "to"),
        ({"to": [user(0), "U123"]}, "to[1]"),
        ({"to": [user(0), f"C{'0' * 32}"]}, "to[1]"),
        ({"to": user(0)}, "to"),
        ({"messages": []}, "messages"),
        ({"messages": TEXT * 6}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": ["text"]}, "messages[0].type"),
        ({"messages": [{"type": "bogus"}]}, "messages[0].type"),
        ({"messages": [*TEXT, {"type": "text"}]}, "messages[1].text"),
        ({"messages": [{"type": "text", "text": ""}]}, "messages[0].text"),
        ({"messages": [{"type": "text", "text": 5}]}, "messages[0].text"),
        ({"messages": [{"type": "text", "text": "あ" * 5001}]}, "messages[0].text"),
        ({"messages": [{"type": "text", "text": "🍎" * 2501}]}, "messages[0].text"),
        ({"messages": [{"type": "flex", "altText": "a"}]}, "messages[0].contents"),
        ({"messages": [{"type": "flex", "contents": BUBBLE}]}, "messages[0].altText"),
        (
            {"messages": [{"type": "flex", "altText": "a" * 1501, "contents": BUBBLE}]},
            "messages[0].altText",
        ),
        ({"customAggregationUnits": ["a", "b"]}, "customAggregationUnits"),
        ({"customAggregationUnits": ["a-b"]}, "customAggregationUnits[0]"),
        ({"customAggregationUnits": ["a" * 31]}, "customAggregationUnits[0]"),
        ({"customAggregationUnits": "a"}, "customAggregationUnits"),
        ({"notificationDisabled": "yes"}, "notificationDisabled"),
    ],
)
def test_a_body_that_breaks_a_rule_is_400_and_says_which(
    line: Raw, change: dict[str, object], blamed: str
) -> None:
    body = {"to": users(2), "messages": TEXT, **change}
    refused = line.post("/v2/bot/message/multicast", body, key())
    error = refused.json()
    named = [each["property"] for each in error.get("details", [])]
    assert refused.status == 400
    assert named == [blamed] or f"The property, {blamed}, " in error["message"].replace("'", "")
    assert not line.copies()


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"type": "text", "text": "あ" * 5000}] * 5},
        {"messages": [{"type": "text", "text": "🍎" * 2500}]},
        {"messages": [{"type": "flex", "altText": "a" * 1500, "contents": BUBBLE}]},
        {"to": users(500)},
        {"somethingNew": 1, "messages": [{"type": "text", "text": "x", "new": {}}]},
        {"notificationDisabled": True, "customAggregationUnits": ["a" * 30]},
        {"customAggregationUnits": []},
    ],
)
def test_a_body_at_its_limits_passes(line: Raw, change: dict[str, object]) -> None:
    body = {"to": users(2), "messages": TEXT, **change}
    assert line.post("/v2/bot/message/multicast", body, key()).status == 200


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_json_object_is_400(line: Raw, raw: bytes) -> None:
    assert line.post("/v2/bot/message/multicast", raw, key()).status == 400


def test_over_two_megabytes_is_413(line: Raw) -> None:
    assert line.multicast(users(1), key(), padding="x" * 2_100_000).status == 413


def test_somebody_named_twice_is_seen_to_get_two(line: Raw) -> None:
    """The documents do not say; the stand-in takes what would be worst for a patient."""
    line.multicast([user(0), user(0)], key())
    assert line.copies() == {user(0): 2}


# --- rate limits ----------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "rate"), [("multicast", 200), ("push", 2000)])
def test_a_bucket_of_one_second_that_fills_with_the_simulators_clock(
    line: Raw, endpoint: str, rate: int
) -> None:
    channel, path = line.simulator.state.channel("aozora"), f"/v2/bot/message/{endpoint}"
    assert all(channel.is_within_rate(path, rate, NOON) for _ in range(rate))
    body = {"to": users(1) if endpoint == "multicast" else user(0), "messages": TEXT}
    refused = line.post(path, body, key())
    assert (refused.status, "rate limit" in refused.json()["message"]) == (429, True)
    line.simulator.state.set_now(NOON + timedelta(seconds=1) / rate)
    assert [line.post(path, body, key()).status for _ in range(2)] == [200, 429]


# --- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("500_before", 500),
        ("502_html", 502),
        ("429_rate", 429),
        ("429_retry_after", 429),
        ("429_reserved", 429),
        ("401_once", 401),
        ("403_forbidden", 403),
        ("400_bare", 400),
        ("redirect", 307),
    ],
)
def test_a_fault_before_reaches_nobody_and_the_same_key_still_may(
    line: Raw, fault: str, status: int
) -> None:
    same = key()
    line.control("faults", script=[fault])
    met = line.multicast(users(2), same)
    assert (met.status, line.copies()) == (status, {})
    assert line.multicast(users(2), same).status == 200
    seen = line.get("/_simulator/requests?clinic_id=aozora").json()["requests"]
    assert [each["fault"] for each in seen] == [fault, ""]


def test_what_the_answers_of_faults_look_like(line: Raw) -> None:
    script = ["429_rate", "429_retry_after", "429_reserved", "redirect", "redirect:/elsewhere"]
    line.control("faults", script=script)
    without, with_header, reserved, home, away = (line.multicast(users(1), key()) for _ in script)
    assert "Retry-After" not in without.headers
    assert with_header.headers["Retry-After"] == "3"
    assert reserved.json()["message"] == "You have reached your monthly limit."
    assert line.used() == 0, "with all of the month left"
    assert home.headers["Location"].endswith("/v2/bot/message/multicast")
    assert away.headers["Location"] == "/elsewhere"


@pytest.mark.parametrize("fault", sorted(AFTER))
def test_a_fault_after_leaves_one_copy_whatever_the_client_saw(line: Raw, fault: str) -> None:
    same = key()
    line.control("faults", script=[fault])
    try:
        status = line.multicast(users(2), same, timeout=0.3).status
    except (ProtocolError, ReadTimeoutError) as error:
        status = type(error).__name__  # type: ignore[assignment]
    expected = {
        "accept_500": 500,
        "accept_html": 200,
        "accept_hang": "ReadTimeoutError",
        "accept_fin": "ProtocolError",
        "accept_reset": "ProtocolError",
        "accept_truncated": "ProtocolError",
    }
    assert status == expected[fault]
    assert line.multicast(users(2), same).status == 409
    assert line.copies() == dict.fromkeys(users(2), 1)


def test_a_reset_before_is_a_reset(line: Raw) -> None:
    line.control("faults", script=["reset_before"])
    with pytest.raises(ProtocolError, match="reset"):
        line.multicast(users(2), key())
    assert not line.copies()


def test_a_slow_answer_comes_even_after_the_client_left(line: Raw) -> None:
    same = key()
    line.control("faults", script=["slow:0.2"])
    with pytest.raises(ReadTimeoutError):
        line.multicast(users(2), same, timeout=0.05)
    assert not line.copies()
    time.sleep(0.3)
    assert line.copies() == dict.fromkeys(users(2), 1)


def test_a_retry_that_overtakes_a_slow_request_still_makes_one_copy(line: Raw) -> None:
    same = key()
    line.control("faults", script=["slow:0.2"])
    with pytest.raises(ReadTimeoutError):
        line.multicast(users(2), same, timeout=0.05)
    assert line.multicast(users(2), same).status == 200
    time.sleep(0.3)
    assert line.copies() == dict.fromkeys(users(2), 1)


def test_a_script_with_an_unknown_fault_is_refused(line: Raw) -> None:
    assert line.control("faults", script=["", "acept_500"]).status == 400
    assert line.control("faults", script=sorted(BEFORE | AFTER)).status == 200


# --- memory ---------------------------------------------------------------------------------


def test_a_restart_forgets_nothing_that_was_answered(tmp_path: Path) -> None:
    same = key()
    with start(tmp_path, NOON) as simulator:
        line = Raw(simulator)
        line.control("channels", monthly_limit=10, channel="@aozora", unknown_users="refused")
        line.control("friends", following=users(5), blocked=[user(5)])
        # U+2028 and U+0085 end a line for Python's splitlines, not for JSON.
        text = [{"type": "text", "text": "一\u2028二\x85三"}]
        line.multicast(users(3), same, messages=text, customAggregationUnits=["unit"])
    with start(tmp_path, NOON + timedelta(hours=1)) as simulator:
        line = Raw(simulator)
        assert line.multicast(users(3), same).status == 409
        assert line.copies() == dict.fromkeys(users(3), 1)
        assert line.get("/v2/bot/message/quota").json()["value"] == 10
        assert line.get("/v2/bot/info").json()["basicId"] == "@aozora"
        assert line.used() == 3
        assert line.get("/v2/bot/message/aggregation/list").json()["customAggregationUnits"] == [
            "unit"
        ]
        assert line.push(user(9), key()).status == 400
        simulator.state.set_now(NOON + timedelta(hours=24))
        assert line.multicast(users(3), same).status == 200


def test_a_journal_that_was_cut_off_in_mid_line_still_opens(tmp_path: Path) -> None:
    with start(tmp_path, NOON) as simulator:
        Raw(simulator).control("friends", following=users(2))
    journal = tmp_path / "journal.jsonl"
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"event": "friends", "clinic_id": "aoz')
    for _ in range(2):
        with start(tmp_path, NOON) as simulator:
            assert simulator.state.channel("aozora").friends == set(users(2))
            Raw(simulator).control("channels", monthly_limit=7)
    assert simulator.state.channel("aozora").monthly_limit == 7


def test_being_told_the_same_again_is_not_written_again(tmp_path: Path) -> None:
    with start(tmp_path, NOON) as simulator:
        for _ in range(3):
            Raw(simulator).control("channels", monthly_limit=7, channel="@a")
            Raw(simulator).control("friends", following=users(2), blocked=users(2, 5))
    assert len((tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_the_pages_show_what_a_phone_shows(line: Raw) -> None:
    line.multicast(users(1), key(), messages=[{"type": "text", "text": "<b>お知らせ</b>"}])
    assert "配信済み 1 通" in line.get("/").data.decode()
    chat = line.get(f"/chat?clinic_id=aozora&user={user(0)}").data.decode()
    assert "&lt;b&gt;お知らせ" in chat
    assert line.get(f"/_simulator/inbox?clinic_id=aozora&user={user(0)}").json()[0]["unit"] is None
