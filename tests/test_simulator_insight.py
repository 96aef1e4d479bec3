"""The stand-in's statistics follow LINE's rules, from what its users are planted to do."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from delivery_fixtures import at, user, users
from jsonschema import Draft4Validator
from test_simulator import NOON, Raw

from dagster_project.simulator import start
from dagster_project.simulator.behaviour import Behaviour

PATH = "/v2/bot/insight/message/event/aggregation"
LINK = [{"type": "text", "text": "お知らせ https://example.com/a です"}]
ALL = {"opens": 1.0, "open_hours": 1.0}  # everybody opens within the hour
DAY = timedelta(days=1)


@pytest.fixture
def line() -> Iterator[Raw]:
    with start(now=NOON) as simulator:
        raw = Raw(simulator)
        raw.control("channels", channel="@aozora", behaviour=ALL)
        raw.control("friends", following=users(300))
        yield raw


def to(line: Raw, now: datetime) -> Raw:
    line.simulator.state.set_now(now)
    return line


def send(line: Raw, people: int, unit: str = "u", messages: object = LINK) -> None:
    answer = line.multicast(users(people), messages=messages, customAggregationUnits=[unit])
    assert answer.status == 200


def ask(line: Raw, unit: str = "u", first: str = "20260601", last: str = "20260701") -> Any:
    answer = line.get(f"{PATH}?customAggregationUnit={unit}&from={first}&to={last}")
    assert answer.status == 200
    return answer.json()


def opened(line: Raw, **asked: str) -> int | None:
    return ask(line, **asked)["overview"]["uniqueImpression"]


@pytest.mark.parametrize(("people", "seen"), [(19, None), (20, 20)])
def test_what_fewer_than_twenty_people_did_is_null(line: Raw, people: int, seen: object) -> None:
    send(line, people)
    found = ask(to(line, NOON + 2 * DAY))
    assert found["overview"]["uniqueImpression"] == seen
    assert (
        found["messages"][0] | {"seq": 1, "impression": seen, "uniqueImpression": seen}
        == (found["messages"][0])
    )


def test_often_is_not_many(line: Raw) -> None:
    """Thirty openings by fifteen people are null as well."""
    send(line, 15)
    send(line, 15)
    assert ask(to(line, NOON + 2 * DAY))["messages"][0]["impression"] is None
    to(line, NOON)
    send(line, 25, "v")
    send(line, 25, "v")
    (bubble,) = ask(to(line, NOON + 2 * DAY), "v")["messages"]
    assert (bubble["impression"], bubble["uniqueImpression"]) == (50, 25)


def test_numbers_appear_a_day_after_what_they_count(line: Raw) -> None:
    send(line, 50)
    assert opened(to(line, NOON + DAY - timedelta(seconds=1))) is None
    assert opened(to(line, NOON + DAY + timedelta(hours=1))) == 50


def test_what_is_done_later_than_fourteen_days_is_never_counted(line: Raw) -> None:
    line.control("channels", behaviour={"opens": 1.0, "open_hours": 28 * 24})
    send(line, 300)
    until = [opened(to(line, NOON + n * DAY), last="20260701") for n in (8, 14, 15, 16, 30)]
    assert until[0] < until[1] < until[2]
    assert until[2] == until[3] == until[4]
    assert 120 < until[2] < 180


def test_the_days_are_japans(line: Raw) -> None:
    to(line, at(23, 30))
    line.control("channels", behaviour={"opens": 1.0, "open_hours": 1.0})
    send(line, 300)
    to(line, at(12) + 3 * DAY)
    before = opened(line, first="20260601", last="20260601")
    after = opened(line, first="20260602", last="20260602")
    assert before > 100
    assert after > 100
    assert before + after == 300


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("customAggregationUnit=u&from=20260601&to=20260701", 200),
        ("customAggregationUnit=u&from=20260601&to=20260702", 400),
        ("customAggregationUnit=u&from=20260601&to=20260601", 200),
        ("customAggregationUnit=u&from=20260602&to=20260601", 400),
        ("customAggregationUnit=u&from=2026-06-01&to=20260601", 400),
        ("customAggregationUnit=u&from=20260631&to=20260701", 400),
        ("customAggregationUnit=a-b&from=20260601&to=20260601", 400),
        ("from=20260601&to=20260601", 400),
        ("customAggregationUnit=u", 400),
    ],
)
def test_a_period_is_at_most_thirty_days_on(line: Raw, query: str, status: int) -> None:
    assert line.get(f"{PATH}?{query}").status == status


def test_sixty_requests_an_hour(line: Raw) -> None:
    send(line, 30)
    to(line, NOON + 2 * DAY)
    query = f"{PATH}?customAggregationUnit=u&from=20260601&to=20260630"
    assert {line.get(query).status for _ in range(60)} == {200}
    assert line.get(query).status == 429
    to(line, NOON + 2 * DAY + timedelta(seconds=59))
    assert line.get(query).status == 429
    to(line, NOON + 2 * DAY + timedelta(seconds=60))
    assert line.get(query).status == 200


def test_the_1001st_name_of_a_month_is_sent_and_has_no_statistics(line: Raw) -> None:
    line.simulator.state.channel("aozora").units["2026-06"] = [f"n{n}" for n in range(999)]
    send(line, 30, "last")
    send(line, 30, "too_many")
    send(line, 30, "last")
    assert sum(line.copies().values()) == 90
    to(line, NOON + 2 * DAY)
    assert opened(line, unit="last") == 30
    assert ask(line, "too_many") == {
        "overview": dict.fromkeys(
            ("uniqueImpression", "uniqueClick", "uniqueMediaPlayed", "uniqueMediaPlayed100Percent")
        ),
        "messages": [],
        "clicks": [],
    }
    to(line, at(12) + 30 * DAY)
    send(line, 30, "too_many")
    assert opened(to(line, at(12) + 32 * DAY), unit="too_many", last="20260630") is None
    assert opened(line, unit="too_many", first="20260701", last="20260731") == 30


@pytest.mark.parametrize(("fault", "status"), [("500_before", 500), ("429_rate", 429)])
def test_errors_come_by_script_and_leave_messages_alone(line: Raw, fault: str, status: int) -> None:
    line.control("faults", script=["", fault], of="insight")
    send(line, 30)
    to(line, NOON + 2 * DAY)
    query = f"{PATH}?customAggregationUnit=u&from=20260601&to=20260630"
    assert [line.get(query).status for _ in range(3)] == [200, status, 200]


def test_shares_are_as_planted_and_the_same_for_the_same_seed(line: Raw) -> None:
    planted = {"opens": 0.67, "clicks": 0.4, "seed": 7}
    expected = [Behaviour(**planted).of(each, 0) for each in users(300)]
    line.control("channels", behaviour=planted)
    send(line, 300)
    found = ask(to(line, NOON + 5 * DAY))
    assert found["overview"]["uniqueImpression"] == sum(e.opens is not None for e in expected)
    assert found["overview"]["uniqueClick"] == sum(each.clicks is not None for each in expected)
    assert 180 < found["overview"]["uniqueImpression"] < 222
    (link,) = found["clicks"]
    assert link["url"] == "https://example.com/a"
    assert link["uniqueClick"] == found["overview"]["uniqueClick"]
    assert Behaviour(**planted | {"seed": 8}).of(user(1), 0) != expected[1]
    assert Behaviour(**planted).of(user(1), 1) != expected[1]


def test_nobody_clicks_where_there_is_no_link(line: Raw) -> None:
    line.control("channels", behaviour=ALL | {"clicks": 1.0})
    send(line, 30, messages=[{"type": "text", "text": "お知らせ"}])
    found = ask(to(line, NOON + 2 * DAY))
    assert (found["overview"]["uniqueImpression"], found["overview"]["uniqueClick"]) == (30, None)
    assert found["clicks"] == []


@pytest.mark.parametrize("planted", [{"opens": 1.1}, {"clicks": 0.1}, {"blocks": -1}, {"eats": 1}])
def test_shares_that_cannot_be_are_refused(line: Raw, planted: dict[str, float]) -> None:
    assert line.control("channels", behaviour=planted).status == 400


def test_people_block_at_their_hour_and_are_not_reached_again(line: Raw) -> None:
    line.control("channels", behaviour={"blocks": 0.2, "block_hours": 72})
    send(line, 300)
    channel = line.simulator.state.channel("aozora")
    hours = {
        user: NOON + Behaviour(blocks=0.2).of(user, 0).blocks
        for user in users(300)
        if Behaviour(blocks=0.2).of(user, 0).blocks is not None
    }
    assert 30 < len(hours) < 90
    half = NOON + timedelta(hours=36)
    send(to(line, half), 300)  # some block on account of this one, too
    gone = {user for user, hour in hours.items() if hour <= half}
    assert channel.blocked == gone
    said = {each["user"]: each["timestamp"] for each in channel.talk if each["type"] == "unfollow"}
    assert said == {user: int(hours[user].timestamp() * 1000) for user in gone}
    assert all(line.copies()[user] == 1 for user in gone)


def test_who_comes_back_after_a_planted_block_stays(line: Raw) -> None:
    line.control("channels", behaviour={"blocks": 1.0, "block_hours": 1.0})
    send(line, 2)
    channel = to(line, NOON + DAY).simulator.state.channel("aozora")
    line.control("friends")
    assert channel.blocked == {*users(2)}
    form = {"clinic_id": "aozora", "user": user(0), "type": "follow"}
    line.http.request("POST", f"{line.simulator.base_url}/chat", fields=form, redirect=False)
    line.control("friends")
    assert channel.blocked == {user(1)}


def test_a_restart_forgets_none_of_it(tmp_path: Path) -> None:
    planted = {"opens": 1.0, "open_hours": 1.0, "blocks": 0.1}
    with start(tmp_path, NOON) as simulator:
        line = Raw(simulator)
        line.control("channels", behaviour=planted)
        line.control("friends", following=users(300))
        send(line, 300)
        line = to(line, NOON + 2 * DAY)
        before = ask(line), set(simulator.state.channel("aozora").blocked)
    with start(tmp_path, NOON + 2 * DAY) as simulator:
        line = Raw(simulator)
        line.control("friends", following=[user(1)])
        assert (ask(line), simulator.state.channel("aozora").blocked) == before


def test_answers_fit_lines_published_schema(line: Raw, shared_data: Path) -> None:
    path = shared_data / "line-openapi" / "insight.yml"
    if not path.exists():
        pytest.skip("LINE's OpenAPI document is not among the shared data")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    components = document["components"]
    # OpenAPI writes that a thing may be null beside its type.
    for schema in components["schemas"].values():
        for each in schema.get("properties", {}).values():
            if each.pop("nullable", False):
                each["type"] = [each["type"], "null"]
    name = "#/components/schemas/GetStatisticsPerUnitResponse"
    validator = Draft4Validator({"$ref": name, "components": components})
    line.control("channels", behaviour=ALL | {"clicks": 1.0})
    send(line, 30)
    send(line, 10, "few")
    to(line, NOON + 2 * DAY)
    known = {name: set(schema["properties"]) for name, schema in components["schemas"].items()
             if name.startswith("GetStatisticsPerUnitResponse")}  # fmt: skip
    for unit in ("u", "few", "none"):
        found = ask(line, unit)
        assert list(validator.iter_errors(found)) == []
        assert set(found) == known["GetStatisticsPerUnitResponse"]
        assert set(found["overview"]) == known["GetStatisticsPerUnitResponseOverview"]
        for bubble in found["messages"]:
            assert set(bubble) == known["GetStatisticsPerUnitResponseMessage"]
        for link in found["clicks"]:
            assert set(link) == known["GetStatisticsPerUnitResponseClick"]
