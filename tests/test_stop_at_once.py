"""A stop counts from the moment LINE was told it arrived, also for what is being sent just then."""

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import chat
import pytest
from delivery_fixtures import MESSAGES, Night, ScriptedLine, a_night, plan_rows, rows_of, users
from nights import MONDAY, World, at, lapsed_rows, user, written_to
from published_nights import publish_night
from webhook_service import Service, serving

from dagster_project.conversation.script import Script
from dagster_project.delivery.plan import PlanRow
from dagster_project.delivery.run import DeliveryReport, deliver
from dagster_project.ledger.chat_tables import line_event
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.heard import heard_from
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import intent
from dagster_project.line.replies import Reply

HEARD = at(MONDAY, 10, 0)
MINUTE = timedelta(seconds=60)


def test_d17_six_stops_are_heeded_within_the_minute(world: World) -> None:
    people = written_to("good", "visit", 12)
    stopping, going_on = people[:6], people[6:]
    world.write("good", MONDAY, lapsed_rows(people))
    assert world.nightly(moment=at(MONDAY, 2)) == 0
    ledger = world.settings(MONDAY).ledger()
    stops = [chat.text("配信停止", user(n), HEARD) for n in stopping]
    with serving(ledger, clock=lambda: HEARD) as service:
        for seed in range(3):  # delivered, and redelivered twice
            shuffled = random.Random(seed).sample(stops, len(stops))  # noqa: S311
            assert service.say(*shuffled) == 200
    assert world.send(MONDAY, HEARD + MINUTE) == 0
    assert set(world.received("good")) == {user(n) for n in going_on}
    received = {
        str(row["line_user_id"]): datetime.fromisoformat(str(row["received_at"]))
        for row in rows_of(open_ledger(ledger), line_event)
    }
    refused = {
        str(row["line_user_id"]): datetime.fromisoformat(str(row["changed_at"]))
        for row in rows_of(open_ledger(ledger), intent)
        if (row["state"], row["reason"]) == ("skipped", "consent_or_link_gone")
    }
    assert refused.keys() == received.keys() == {user(n) for n in stopping}
    assert max(refused[who] - received[who] for who in refused) <= MINUTE
    assert world.send(MONDAY, HEARD + 11 * MINUTE) == 0
    assert set(world.received("good")) == {user(n) for n in going_on}


class Interrupted(ScriptedLine):
    """A LINE that takes its time over the first message; something happens meanwhile."""

    meanwhile: Callable[[], object] | None = None

    def send(self, body: bytes, retry_key: str) -> Reply:
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            happens()
        return super().send(body, retry_key)


class Running:
    """A clinic whose three people agreed in the chat, each told of a campaign of their own."""

    def __init__(self, night: Night, service: Service, published: Path) -> None:
        self.night, self.service, self.published = night, service, published
        self.line = Interrupted(account="good")
        self.people = users(3)
        self.rows: list[PlanRow] = [
            plan_rows([each], f"c{n}", n, clinic_id="good", version=f"v{n + 1}")[0]
            for n, each in enumerate(self.people)
        ]
        self.agreed = [chat.tap("consent:v1:visit:yes", each, -60) for each in self.people]
        assert service.say(*self.agreed) == 200
        publish_night(published, night.build, self.rows)
        night.plan(self.rows)

    def run(self) -> DeliveryReport:
        heard = heard_from(self.night.engine, "good")
        known = accounts(self.night.engine, "good", date.max, Script())
        return deliver(
            self.night.engine,
            self.night.clinic,
            self.published,
            {
                (row.line_user_id, row.patient_ids, row.purpose)
                for row in self.rows
                if known[row.line_user_id].consents["visit"].is_granted
            },
            dict.fromkeys(("v1", "v2", "v3"), MESSAGES["v1"]),
            self.line,
            self.night.clock,
            self.night.clock.sleep,
            heard=heard,
        )

    def written_to(self) -> list[str]:
        return [each for each in self.people if any(each.encode() in b for b, _ in self.line.sent)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    night = a_night(tmp_path, "good")
    with serving(str(night.engine.url), clock=night.clock) as service:
        yield Running(night, service, tmp_path / "published.duckdb")


def said(running: Running, *events: dict[str, object]) -> Callable[[], None]:
    def happens() -> None:
        assert running.service.say(*events) == 200

    return happens


@pytest.mark.parametrize(
    "stop",
    [
        lambda who: chat.text("配信停止", who, 65),
        lambda who: chat.tap("consent:v1:visit:no", who, 65),
        lambda who: chat.text("連携解除", who, 65),
        lambda who: chat.event("unfollow", who, 65),
    ],
)
def test_who_stops_while_a_run_sends_is_not_written_to(
    running: Running, stop: Callable[[str], dict[str, object]]
) -> None:
    first, second, third = running.people
    running.line.meanwhile = said(running, stop(second))
    report = running.run()
    assert running.written_to() == [first, third]
    assert (report.sent.accepted, report.sent.deferred) == (2, 1)
    assert running.run().refused == 1
    assert running.written_to() == [first, third]
    [left] = [row for row in running.night.intents() if row["line_user_id"] == second]
    assert (left["state"], left["reason"]) == ("skipped", "consent_or_link_gone")


def test_who_says_anything_else_meanwhile_hears_in_the_next_run(running: Running) -> None:
    running.line.meanwhile = said(running, chat.text("ありがとう", running.people[1], 65))
    assert running.run().sent.accepted == 2
    assert running.run().ledger.accepted == 3


def test_an_event_that_is_delivered_again_holds_nobody_up(running: Running) -> None:
    running.line.meanwhile = said(running, *running.agreed)
    assert running.run().sent.accepted == 3


def test_a_stop_during_a_try_does_not_undo_it(running: Running) -> None:
    first = running.people[0]
    running.line.meanwhile = said(running, chat.text("配信停止", first, 65))
    assert running.run().sent.accepted == 3
    assert running.written_to() == running.people
