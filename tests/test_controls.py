"""What a person can say to the sender, and that it listens: stop, resume."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from delivery_fixtures import Night, ScriptedLine, a_night, plan_rows, ready, rows_of, users
from nights import MONDAY, World, lapsed_rows
from rich.console import Console

from dagster_project.controls import commands
from dagster_project.ledger.holds import HoldError, end, in_force, place
from dagster_project.ledger.store import reading, writing
from dagster_project.ledger.tables import audit
from dagster_project.line.replies import Kind, Reply


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def said(night: Night, what: Callable[..., bool], *words: str, clinic: str = "aozora") -> bool:
    with writing(night.engine, clinic) as con:
        return what(con, clinic, *words, night.clock())


@pytest.mark.parametrize("clinic", ["aozora", "*"])
def test_a_stop_keeps_everything_back_and_resume_lets_it_go(night: Night, clinic: str) -> None:
    ready(night)
    assert said(night, place, "stop", "文面の誤り", "佐藤", clinic=clinic)
    assert night.send().stopped == "held"
    assert not night.line.sent
    assert said(night, end, "stop", "直した", "佐藤", clinic=clinic)
    assert night.send().accepted == 3


def test_a_stop_of_one_clinic_is_none_of_another(night: Night) -> None:
    ready(night)
    said(night, place, "stop", "文面の誤り", "佐藤", clinic="hinata")
    assert night.send().accepted == 3


class StoppedAfterTheFirst(ScriptedLine):
    """LINE, while somebody at the clinic says stop."""

    night: Night

    def send(self, body: bytes, retry_key: str) -> Reply:
        said(self.night, place, "stop", "文面の誤り", "佐藤")
        return super().send(body, retry_key)


def test_a_stop_said_while_the_sender_works_is_heard_before_the_next_batch(night: Night) -> None:
    line = StoppedAfterTheFirst()
    line.night = night
    night.line = line
    rows = plan_rows(users(4)) + plan_rows(users(4, first=4), campaign="second")
    night.plan(rows)
    night.freeze(rows)
    assert night.send().accepted == 4
    assert len(line.sent) == 1
    assert {each["state"] for each in night.batches()} == {"accepted", "frozen"}


def test_even_a_retry_waits_while_stopped(night: Night) -> None:
    ready(night).line.script = [Kind.UNKNOWN] * 5
    night.send()
    said(night, place, "stop", "LINE が不調", "佐藤")
    assert night.send().unsettled == 3
    assert len(night.line.sent) == 5


def test_who_was_first_to_stop_is_not_written_over(night: Night) -> None:
    assert said(night, place, "stop", "文面の誤り", "佐藤")
    assert not said(night, place, "stop", "ほかの理由", "鈴木")
    with reading(night.engine) as con:
        (only,) = in_force(con, "aozora", "stop")
    assert (only.reason, only.made_by) == ("文面の誤り", "佐藤")
    assert [each["kind"] for each in rows_of(night.engine, audit)] == ["stop_placed"]


@pytest.mark.parametrize(("reason", "by"), [(" ", "佐藤"), ("文面の誤り", " ")])
def test_a_stop_needs_a_name_and_a_reason(night: Night, reason: str, by: str) -> None:
    with pytest.raises(HoldError, match="--reason" if by == "佐藤" else "--by"):
        said(night, place, "stop", reason, by)


def a_console(out: io.StringIO) -> Console:
    return Console(file=out, width=200)


LAPSED = range(1, 4)


def lapsed_clinic(world: World) -> None:
    world.write("good", MONDAY, lapsed_rows(LAPSED))


@pytest.mark.long
def test_stop_and_resume_at_a_terminal(world: World) -> None:
    lapsed_clinic(world)
    settings, out = world.settings(MONDAY), io.StringIO()
    assert commands.stop(settings, [], "佐藤", "文面の誤り", a_console(out)) == 0
    assert world.nightly() == 0
    assert not world.received("good")
    assert "文面の誤り (佐藤" in world.text()
    world.said.clear()
    assert world.status(MONDAY) == 0
    assert "文面の誤り (佐藤" in world.text()
    assert commands.resume(settings, ["good"], "佐藤", "直した", a_console(out)) == 1
    assert commands.resume(settings, [], "佐藤", "直した", a_console(out)) == 0
    world.said.clear()
    assert world.send(MONDAY, settings.now()) == 0
    assert "文面の誤り" not in world.text()
    assert sum(world.received("good").values()) == len(LAPSED)
