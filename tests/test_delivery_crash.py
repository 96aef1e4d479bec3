"""Acceptance D19: killed, refused and misled amid 1,500 people, and each gets one copy."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from crash_harness import Launch, fork
from delivery_fixtures import Night, a_build, a_clinic, at, plan_rows, ready, rows_of, users

from dagster_project.delivery.reconcile import reconcile
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import attempt, batch, intent
from dagster_project.line.client import LineClient
from dagster_project.line.replies import Reply
from dagster_project.line.simulated import introduce
from dagster_project.simulator import RunningSimulator, start
from dagster_project.simulator.channel import Channel

PEOPLE = users(1500)
TEN = at(10, 1)


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start(now=TEN) as running:
        introduce(running.base_url, a_clinic(), PEOPLE, [])
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def a_launch(ledger: str, simulator: RunningSimulator, **how: int) -> Launch:
    rows = plan_rows(PEOPLE, "lapsed", version="lapsed")
    return Launch(
        ledger, simulator.base_url, a_clinic(), a_build(), rows, frozenset(), TEN,
        max_batch=500, **how,
    )  # fmt: skip


def test_d19_killed_after_line_accepted_the_second_of_three(
    ledger: str, simulator: RunningSimulator
) -> None:
    channel = simulator.state.channel("aozora")
    channel.faults = ["accept_500"]
    # Requests: #1 (500, yet accepted), #1 again (409), #2 (accepted), and there it is killed.
    assert fork(a_launch(ledger, simulator, kill_after_accepting=3))
    assert [each["state"] for each in _batches(ledger)] == ["accepted", "sending", "frozen"]
    assert len(channel.requests) == 3
    assert len(channel.inbox) == 1000

    assert not fork(a_launch(ledger, simulator))
    _everybody_once(ledger, channel)
    by_batch = Counter(each["retry_key"] for each in channel.requests)
    assert [by_batch[each["retry_key"]] for each in _batches(ledger)] == [2, 2, 1]
    assert channel.altered_retries == 0

    requests = len(channel.requests)
    assert not fork(a_launch(ledger, simulator))
    assert (len(channel.requests), len(channel.inbox)) == (requests, 1500)
    _everybody_once(ledger, channel)


@pytest.mark.parametrize("step", range(1, 60, 7))
def test_killed_at_any_statement_and_run_again_until_done(
    ledger: str, simulator: RunningSimulator, step: int
) -> None:
    channel = simulator.state.channel("aozora")
    fork(a_launch(ledger, simulator, kill_at=step))
    fork(a_launch(ledger, simulator, kill_at=step + 20))
    assert not fork(a_launch(ledger, simulator))
    _everybody_once(ledger, channel)


def _batches(ledger: str) -> list[dict[str, object]]:
    open_ledger.cache_clear()
    engine = open_ledger(ledger)
    found = sorted(rows_of(engine, batch), key=lambda each: (each["frozen_at"], each["id"]))
    engine.dispose()
    return sorted(found, key=lambda each: ("accepted", "sending", "frozen").index(each["state"]))


def _everybody_once(ledger: str, channel: Channel) -> None:
    """The simulator's log and the ledger say the same of every single person."""
    assert Counter(each["user"] for each in channel.inbox) == dict.fromkeys(PEOPLE, 1)
    open_ledger.cache_clear()
    engine = open_ledger(ledger)
    accepted = {each["id"]: each for each in rows_of(engine, batch) if each["state"] == "accepted"}
    told = {
        (each["line_user_id"], accepted[each["batch_id"]]["accepted_request_id"])
        for each in rows_of(engine, intent)
    }
    assert told == {(each["user"], each["request_id"]) for each in channel.inbox}
    assert reconcile(engine, "aozora").accepted == len(PEOPLE)
    engine.dispose()


# --- 429: with quota left, and without ------------------------------------------------------


@pytest.fixture
def night(ledger: str, simulator: RunningSimulator) -> Night:
    night = Night(open_ledger(ledger))
    night.clock.now = TEN
    night.line = LineClient(simulator.base_url, "simulator:aozora", timeouts=(2, 2))
    return ready(night, len(PEOPLE))


@pytest.mark.parametrize("fault", ["429_rate", "429_retry_after", "429_reserved"])
def test_a_429_with_quota_left_is_retried(
    night: Night, simulator: RunningSimulator, fault: str
) -> None:
    channel = simulator.state.channel("aozora")
    channel.faults = ["", fault, fault]
    summary = night.send()
    assert (summary.accepted, summary.stopped, night.clock.slept) == (1500, None, [1, 2])
    assert Counter(each["user"] for each in channel.inbox) == dict.fromkeys(PEOPLE, 1)


def test_a_429_with_the_month_exhausted_stops_and_defers(
    night: Night, simulator: RunningSimulator
) -> None:
    channel = simulator.state.channel("aozora")
    channel.monthly_limit = 1500

    class StaffSendMeanwhile(LineClient):
        def send(self, body: bytes, retry_key: str) -> Reply:
            reply = super().send(body, retry_key)
            channel.used["2026-06"] = 1500  # by hand, from the same pot
            return reply

    night.line = StaffSendMeanwhile(simulator.base_url, "simulator:aozora", timeouts=(2, 2))
    summary = night.send()
    assert (summary.accepted, summary.deferred, summary.stopped) == (500, 1000, "quota")
    assert len(channel.requests) == 2, "no hot loop against a full month"
    assert night.clock.slept == []
    assert Counter(each["state"] for each in night.batches()) == {"accepted": 1, "frozen": 2}
    again = night.send()
    assert (again.deferred, len(channel.requests)) == (1000, 2), "nor ten minutes later"

    night.clock.now = at(10, 1, date(2026, 6, 2))
    simulator.state.set_now(night.clock.now)
    assert night.send().expired == 1000
    reasons = Counter((each["state"], each["reason"]) for each in night.intents())
    assert reasons == {("batched", None): 500, ("expired", "quota"): 1000}
    night.build = a_build(date(2026, 6, 2))
    channel.monthly_limit = 2500
    assert night.send().accepted == 0
    ready(night, len(PEOPLE))
    assert night.send().accepted == 1000
    assert Counter(each["user"] for each in channel.inbox) == dict.fromkeys(PEOPLE, 1)


def test_a_full_month_that_line_does_not_show_yet_ends_the_run_without_a_verdict(
    night: Night, simulator: RunningSimulator
) -> None:
    channel = simulator.state.channel("aozora")
    channel.monthly_limit, channel.consumption_lag = 1500, 1500
    channel.used["2026-06"] = 1500
    summary = night.send()
    assert (summary.accepted, summary.deferred) == (0, 1500)
    assert summary.stopped == "LINE does not settle"
    assert len(channel.requests) == 15, "five tries each for three batches, then it is given up"
    assert {each["state"] for each in night.batches()} == {"frozen"}


# --- what the ledger keeps when this side fails ---------------------------------------------


def test_a_try_that_was_withheld_by_us_can_be_made_again(night: Night) -> None:
    class Broken(LineClient):
        def send(self, body: bytes, retry_key: str) -> Reply:  # noqa: ARG002
            raise ImportError("the SDK is half installed")

    whole, night.line = night.line, Broken("http://127.0.0.1:1", "x")
    night.line.basic_id = whole.basic_id  # type: ignore[method-assign]
    night.line.quota = whole.quota  # type: ignore[method-assign]
    with pytest.raises(ImportError):
        night.send()
    assert {each["state"] for each in night.batches()} == {"frozen"}
    (answer,) = rows_of(night.engine, attempt)
    assert (answer["kind"], answer["detail"]) == ("withheld", "ImportError")
    night.line = whole
    assert night.send().accepted == 1500


def test_a_withheld_retry_of_what_may_have_arrived_stays_a_maybe(
    night: Night, simulator: RunningSimulator
) -> None:
    channel = simulator.state.channel("aozora")
    channel.faults = ["accept_500"]

    class BreaksOnTheSecond(LineClient):
        def send(self, body: bytes, retry_key: str) -> Reply:
            if channel.requests:
                raise MemoryError
            return super().send(body, retry_key)

    night.line = BreaksOnTheSecond(simulator.base_url, "simulator:aozora", timeouts=(2, 2))
    with pytest.raises(MemoryError):
        night.send()
    assert Counter(each["state"] for each in night.batches()) == {"sending": 1, "frozen": 2}
    night.line = LineClient(simulator.base_url, "simulator:aozora")
    assert night.send().accepted == 1500
    assert len(channel.inbox) == 1500


def test_a_clock_set_back_beyond_the_first_try_retries_nothing(
    night: Night, simulator: RunningSimulator
) -> None:
    simulator.state.channel("aozora").faults = ["accept_500", *["500_before"] * 4] * 3
    assert night.send().unsettled == 1500
    began = night.clock.now
    # Two days later the machine wakes up in 2015: nobody knows how old the key is.
    simulator.state.set_now(began + timedelta(days=2))
    night.clock.now = at(10, 1, date(2015, 6, 1))
    requests = len(simulator.state.channel("aozora").requests)
    night.send()
    assert len(simulator.state.channel("aozora").requests) == requests
    night.clock.now = began + timedelta(days=2)
    assert night.send().accepted == 1500, "and its own list tells when the clock is right again"


def test_sigkill_is_what_it_says() -> None:
    """The harness would prove nothing if a kill could be caught."""
    child = os.fork()
    if child == 0:
        try:
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
