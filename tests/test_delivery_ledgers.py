"""The same promises on SQLite and on PostgreSQL, with several processes' worth of hands at once."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from crash_harness import flagged, run_trial
from delivery_fixtures import (
    MONDAY,
    Night,
    ScriptedLine,
    a_build,
    a_clinic,
    at,
    plan_rows,
    ready,
    users,
)
from ledgers import database_on
from sqlalchemy import Engine, select

from dagster_project.clinic import Retention
from dagster_project.conversation.script import Script
from dagster_project.delivery.freeze import FreezeError
from dagster_project.delivery.lease import lease
from dagster_project.delivery.plan import PlanRow
from dagster_project.delivery.reconcile import reconcile
from dagster_project.delivery.snapshot import deliveries_for_warehouse, statistics_for_warehouse
from dagster_project.forget.hashes import Forgotten, LostKeyError
from dagster_project.ledger.batches import DEADLINE, begin_try, record_reply
from dagster_project.ledger.erase import erase, scour
from dagster_project.ledger.forgotten import add
from dagster_project.ledger.retention import retire
from dagster_project.ledger.statistics import note_counts, readings_since, units_sent
from dagster_project.ledger.store import open_ledger, reading, stamp, writing
from dagster_project.ledger.tables import attempt, batch
from dagster_project.line.client import LineClient
from dagster_project.line.replies import Counts, Kind, Reply
from dagster_project.simulator import start

HANDS = 6


@pytest.fixture
def url(server: str | None, tmp_path: Path) -> Iterator[str]:
    if server is None:
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with database_on(server) as database:
        yield database


@pytest.fixture
def night(url: str) -> Iterator[Night]:
    engine = open_ledger(url)
    yield Night(engine)
    engine.dispose()


def at_once(do: Callable[[int], object], hands: int = HANDS) -> list[object]:
    """Do a thing with several hands at the same moment; return the results or the errors."""
    together = threading.Barrier(hands, timeout=20)

    def one(number: int) -> object:
        together.wait()
        try:
            return do(number)
        except Exception as error:  # noqa: BLE001
            return error

    with ThreadPoolExecutor(hands) as pool:
        return list(pool.map(one, range(hands)))


def people_in_batches(night: Night) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in night.batches():
        to = json.loads(each["body"])["to"]  # type: ignore[arg-type]
        found.update([to] if isinstance(to, str) else to)
    return found


# --- one hand -------------------------------------------------------------------------------


def test_a_night_from_plan_to_proof(night: Night) -> None:
    rows = plan_rows(users(30))
    assert night.plan(rows).planned == 30
    assert night.plan(rows).unchanged == 30
    assert night.freeze(rows, without=users(2), max_batch=10).frozen == 28
    night.line.script = [Kind.UNKNOWN, Kind.RATE_LIMITED, Kind.ACCEPTED, Kind.ALREADY_ACCEPTED]
    assert night.send().accepted == 28
    proof = reconcile(night.engine, "aozora")
    assert (proof.planned, proof.accepted, proof.skipped) == (30, 28, 2)
    assert len(deliveries_for_warehouse(night.engine, "aozora")) == 30
    before = len(night.line.sent)
    night.plan(rows)
    assert night.freeze(rows, without=users(2)).frozen == 0
    night.send()
    assert len(night.line.sent) == before
    with reading(night.engine) as con:
        kinds = con.execute(select(attempt.c.kind).order_by(attempt.c.id)).scalars().all()
    assert kinds == ["unknown", "rate_limited", "accepted", "already_accepted", "accepted"]


def test_the_last_answer_of_a_day_is_the_days(night: Night) -> None:
    ready(night, people=30).send()
    with writing(night.engine, "aozora") as con:
        (unit,) = units_sent(con, "aozora")
        for hour, people in ((2, 20), (3, None), (4, 22)):
            note_counts(con, "aozora", unit, Counts(people, None), MONDAY, at(hour))
        assert readings_since(con, "aozora", at(3)) == 1
        assert readings_since(con, "aozora", at(4)) == 0
    (row,) = statistics_for_warehouse(night.engine, "aozora", MONDAY)
    assert row[3:] == (1, "v1", MONDAY, 30, MONDAY, False, 22, None)


def test_refused_released_deferred_and_expired(night: Night) -> None:
    rows = plan_rows(users(4))
    night.plan(rows)
    night.freeze(rows)
    night.line.script = [Reply(Kind.REJECTED, 400, "r" * 300, detail="to[1], to[2]")]
    night.send()
    night.freeze(rows)
    night.line.script = [Reply(Kind.QUOTA_EXHAUSTED, 429, detail="x" * 300)]
    assert night.send().deferred == 2
    night.clock.now = at(10, day=date(2026, 6, 2))
    assert night.send().expired == 2
    assert Counter(each["state"] for each in night.intents()) == {"rejected": 2, "expired": 2}
    night.build = a_build(date(2026, 6, 2))
    assert night.plan(rows).planned == 2


def test_twenty_hours_then_unknown_then_proved(night: Night) -> None:
    ready(night).line.script = [Kind.UNKNOWN] * 5
    night.send()
    night.clock.now += DEADLINE
    assert night.send().unknown == 3
    night.line.units = {str(night.batches()[0]["unit"])}
    assert night.send().accepted == 3


def test_a_withdrawn_person_dissolves_a_waiting_batch(night: Night) -> None:
    rows = plan_rows(users(4))
    night.plan(rows)
    night.freeze(rows)
    assert night.freeze(rows, without=users(1)).frozen == 3
    assert reconcile(night.engine, "aozora").pending == 3


def test_the_first_try_is_visible_to_others_before_the_first_byte(night: Night) -> None:
    ready(night)
    seen = []

    class Watching(ScriptedLine):
        def send(self, body: bytes, retry_key: str) -> Reply:
            with reading(night.engine) as con:
                seen.extend(con.execute(select(batch.c.state, batch.c.tries)).all())
            return super().send(body, retry_key)

    night.line = Watching()
    night.send()
    assert seen == [("sending", 1)]


def test_a_reader_sees_one_moment_and_holds_nobody_up(night: Night) -> None:
    ready(night)
    with reading(night.engine) as con:
        before = con.execute(select(batch.c.state)).scalars().all()
        assert night.send().accepted == 3, "and a sender does not wait for it"
        assert con.execute(select(batch.c.state)).scalars().all() == before == ["frozen"]
    assert night.batches()[0]["state"] == "accepted"


# --- many hands -----------------------------------------------------------------------------


def test_a_new_ledger_may_be_opened_by_many(url: str) -> None:
    opened = at_once(lambda _: open_ledger.__wrapped__(url))
    assert all(isinstance(each, Engine) for each in opened), opened
    for each in opened:
        each.dispose()  # type: ignore[attr-defined]


def test_one_lease_however_many_ask(night: Night) -> None:
    for _ in range(5):
        together = threading.Barrier(HANDS, timeout=20)

        def ask(_: int, together: threading.Barrier = together) -> bool:
            with lease(night.engine, "aozora", night.clock) as held:
                together.wait()  # nobody gives it back before everybody has asked
                return held is not None

        assert Counter(at_once(ask)) == {True: 1, False: HANDS - 1}


def test_freezing_at_once_puts_nobody_into_two_batches(night: Night) -> None:
    rows = plan_rows(users(60))
    rows += plan_rows(users(60), campaign="vaccine", priority=1, version="v2")
    night.plan(rows)
    done = at_once(lambda _: night.freeze(rows, max_batch=7))
    assert all(not isinstance(each, Exception) or isinstance(each, FreezeError) for each in done)
    assert people_in_batches(night) == dict.fromkeys(users(60), 2)
    assert reconcile(night.engine, "aozora").pending == 120


def test_planning_and_freezing_at_once_neither_fails_nor_loses(night: Night) -> None:
    rows = plan_rows(users(40)) + plan_rows(users(40), campaign="vaccine", priority=1)
    for number in range(1, 9):
        night.build = a_build(number=number)
        fewer, at_first = rows[number * 5 :], rows[:: 2 if number < 5 else 1]
        night.plan(at_first)

        def either(hand: int, fewer: list[PlanRow] = fewer) -> object:
            return night.plan(fewer) if hand else night.freeze(rows, max_batch=9)

        done = at_once(either, 2)
        assert not [each for each in done if isinstance(each, Exception)], done
        assert max(people_in_batches(night).values()) <= 2
        reconcile(night.engine, "aozora")
    assert reconcile(night.engine, "aozora").planned == 80


def test_many_senders_at_once_reach_everybody_once(night: Night) -> None:
    rows = plan_rows(users(60))
    night.plan(rows)
    night.freeze(rows, max_batch=5)
    with start(now=night.clock()) as simulator:
        channel = simulator.state.channel("aozora")
        channel.friends |= set(users(60))
        channel.faults = ["accept_500", "reset_before", "429_rate", "accept_fin"] * 3
        client = LineClient(simulator.base_url, "simulator:aozora", timeouts=(2, 1))

        def send(_: int) -> object:
            return Night(night.engine, client, night.clock).send()

        done = at_once(send)
        assert not [each for each in done if isinstance(each, Exception)], done
        night.line = client
        night.send()
        assert Counter(each["user"] for each in channel.inbox) == dict.fromkeys(users(60), 1)
        assert channel.altered_retries == 0
    assert reconcile(night.engine, "aozora").accepted == 60


def test_late_replies_at_once_leave_what_is_settled(night: Night) -> None:
    ready(night)
    batch_id = str(night.batches()[0]["id"])
    for _ in range(HANDS):
        with night.engine.begin() as con:
            assert begin_try(con, batch_id, night.clock())
    kinds = [Kind.ACCEPTED, *[Kind.QUOTA_EXHAUSTED, Kind.REJECTED, Kind.RATE_LIMITED] * HANDS]

    def reply(number: int) -> str:
        answer = Reply(kinds[number], 200, f"r{number}")
        with writing(night.engine, "aozora") as con:
            return record_reply(con, batch_id, answer, night.clock())

    assert set(at_once(reply)) <= {"accepted", "sending"}
    assert night.batches()[0]["state"] == "accepted"
    assert len(night.attempts()) == HANDS


# --- kill -9 --------------------------------------------------------------------------------


def test_killed_weeks(url: str, server: str | None) -> None:
    if server is None:
        pytest.skip("test_crash_trials does this on SQLite")
    with start() as simulator:
        for seed in (3, 7, 11):
            figures = run_trial(seed, url, simulator)
            assert (figures.doubled, figures.lost, figures.replays) == (0, 0, 0)
            assert figures.fates["planned"] == figures.fates["accepted"] + flagged(figures.fates)
            assert figures.fates["pending"] == 0


def test_two_clinics_share_a_ledger_and_nothing_else(night: Night) -> None:
    other = Night(
        night.engine,
        ScriptedLine(account="hinata"),
        clinic=a_clinic("hinata"),
        build=a_build(clinic_id="hinata"),
    )
    ready(night)
    ready(other, 5, clinic_id="hinata")
    assert other.send().accepted == 5
    assert reconcile(night.engine, "aozora").pending == 3
    night.clock.now += timedelta(minutes=1)
    assert night.send().accepted == 3


def test_a_forgotten_person_leaves_the_ledger_and_its_sums_stay(night: Night) -> None:
    ready(night, 3)
    assert night.send().accepted == 3
    user, other, _ = users(3)
    before = reconcile(night.engine, "aozora")
    bare = Forgotten("aozora", b"key")
    who = Forgotten("aozora", b"key", frozenset({bare.of_patient("p0"), bare.of_account(user)}))
    with writing(night.engine, "aozora") as con:
        erase(con, who, "p0", [user], stamp(at(11)))
        add(con, who, at(11))
    scour(night.engine)
    assert reconcile(night.engine, "aozora") == before
    everything = repr([night.intents(), night.batches(), night.attempts()])
    assert user not in everything
    assert who.of_account(user) in everything
    assert other in everything
    named = {(each[3], each[4]) for each in deliveries_for_warehouse(night.engine, "aozora")}
    assert (who.of_account(user), who.of_patient("p0")) in named
    assert (
        retire(night.engine, "aozora", Retention(), MONDAY + timedelta(days=366), Script()).bodies
        == 1
    )
    assert reconcile(night.engine, "aozora") == before
    with pytest.raises(LostKeyError):
        night.plan(plan_rows([other]))  # without the key nobody can tell
