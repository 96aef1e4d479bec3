"""D21 and the other signs that we are wrong: the channel trips and waits for a person."""

import io
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from delivery_fixtures import Night, a_night, plan_rows, ready, rows_of, user, users
from nights import MONDAY, World
from rich.console import Console

from dagster_project.controls import commands
from dagster_project.delivery.breaker import trip_on_volume
from dagster_project.delivery.reconcile import reconcile
from dagster_project.ledger.holds import end, in_force, place
from dagster_project.ledger.store import open_ledger, reading, writing
from dagster_project.ledger.tables import alert
from dagster_project.line.replies import Kind, Reply

NO = Reply(Kind.REJECTED, 400, detail="messages[0].text")


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def is_tripped(night: Night) -> bool:
    with reading(night.engine) as con:
        return bool(in_force(con, "aozora", "breaker"))


def reset(night: Night) -> None:
    with writing(night.engine, "aozora") as con:
        assert end(con, "aozora", "breaker", "計画を直した", "佐藤", night.clock())


def a_minute(night: Night, occurrence: int, version: str = "v1") -> None:
    """Plan, freeze and send, as a bug would that makes a new occurrence of it each minute."""
    rows = plan_rows(users(3), campaign=f"bug{occurrence}", version=version)
    night.plan(rows)
    night.freeze(rows)
    night.send()
    night.clock.now += timedelta(minutes=1)


def copies(night: Night) -> Counter[str]:
    return Counter(each for body, _ in night.line.sent for each in json.loads(body)["to"])


def test_d21_a_bug_that_replans_the_same_message_every_minute(night: Night) -> None:
    a_minute(night, 0)
    assert not is_tripped(night)
    a_minute(night, 1)
    assert is_tripped(night), "within a minute"
    for occurrence in range(2, 8):
        a_minute(night, occurrence)
    assert copies(night) == dict.fromkeys(users(3), 1)
    assert len(rows_of(night.engine, alert)) == 1, "told once, not every minute"
    a_minute(night, 8, version="v2")
    assert copies(night) == dict.fromkeys(users(3), 1), "nothing else leaves either"
    reset(night)
    a_minute(night, 9)
    assert is_tripped(night), "the bug is still there"
    assert copies(night) == dict.fromkeys(users(3), 1)
    assert reconcile(night.engine, "aozora").planned == 30


def test_d21_whatever_the_messages_say_nobody_gets_a_third_in_a_day(night: Night) -> None:
    for occurrence, version in enumerate(("v1", "v2")):
        a_minute(night, occurrence, version)
    assert not is_tripped(night)
    a_minute(night, 2, "v3")
    assert is_tripped(night)
    assert copies(night) == dict.fromkeys(users(3), 2)


def test_the_same_content_on_another_day_is_no_repeat(night: Night) -> None:
    a_minute(night, 0)
    night.build = type(night.build)("aozora", "next", MONDAY + timedelta(days=1), night.clock())
    night.clock.now += timedelta(days=1)
    a_minute(night, 1)
    assert not is_tripped(night)
    assert copies(night) == dict.fromkeys(users(3), 2)


def answered(night: Night, *answers: Kind | Reply) -> None:
    rows = [
        row
        for number in range(len(answers))
        for row in plan_rows([user(number)], campaign=f"c{number}")
    ]
    night.plan(rows)
    night.freeze(rows)
    night.line.script = list(answers)
    night.send()


@pytest.mark.parametrize(
    ("answers", "trips"),
    [
        ([NO, NO], False),
        ([NO, NO, NO], True),
        ([Kind.ACCEPTED] * 3 + [NO] * 3, False),
        ([Kind.ACCEPTED] * 2 + [NO] * 3, True),
    ],
)
def test_it_trips_when_line_refuses_over_half_of_three_or_more(
    night: Night, answers: list[Kind | Reply], trips: bool
) -> None:
    answered(night, *answers)
    assert is_tripped(night) is trips


def test_it_trips_before_the_next_batch_leaves(night: Night) -> None:
    answered(night, NO, NO, NO, Kind.ACCEPTED)
    assert len(night.line.sent) == 3


def test_answers_from_before_the_reset_or_an_hour_ago_are_forgotten(night: Night) -> None:
    answered(night, NO, NO, NO)
    night.clock.now += timedelta(seconds=1)
    reset(night)
    night.clock.now += timedelta(seconds=1)
    rows = plan_rows([user(50)], campaign="after", version="v2")
    night.plan(rows)
    night.freeze(rows)
    night.line.script = [NO]
    night.send()
    assert not is_tripped(night)


def test_an_outage_is_no_reason_to_need_a_person(night: Night) -> None:
    ready(night).line.script = [Kind.UNKNOWN] * 20
    for _ in range(4):
        night.send()
    assert not is_tripped(night)


@pytest.mark.parametrize(("waiting", "trips"), [([2, 1], False), ([2, 2], True)])
def test_it_trips_when_more_wait_than_are_planned(
    night: Night, waiting: list[int], trips: bool
) -> None:
    with writing(night.engine, "aozora") as con:
        trip_on_volume(con, "aozora", waiting, 3, night.clock())
    assert is_tripped(night) is trips


def test_what_was_left_over_of_yesterday_is_not_counted_as_waiting_today(night: Night) -> None:
    ready(night)
    night.build = type(night.build)("aozora", "next", MONDAY + timedelta(days=1), night.clock())
    night.clock.now += timedelta(days=1)
    a_minute(night, 1, "v2")
    assert not is_tripped(night)
    assert copies(night) == dict.fromkeys(users(3), 1)


def test_reset_at_a_terminal_needs_something_to_reset(world: World) -> None:
    world.write("good", MONDAY, {"patients": [{"patient_no": "1"}]})
    settings, out = world.settings(MONDAY), io.StringIO()
    console = Console(file=out, width=200)
    assert commands.reset(settings, [], "佐藤", "計画を直した", console) == 1
    with writing(open_ledger(settings.ledger()), "good") as con:
        place(con, "good", "breaker", "計画が繰り返された", "circuit breaker", settings.now())
    assert commands.reset(settings, [], "佐藤", " ", console) == 1
    assert commands.reset(settings, [], "佐藤", "計画を直した", console) == 0
    assert "遮断器を解除しました" in out.getvalue()
