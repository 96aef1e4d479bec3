"""What is said in the chat decides the next send, and the night reads it like any other source."""

from datetime import date, timedelta
from itertools import product

import chat
import pytest
from clinic_builder import Row, user
from nights import MONDAY, World, at, written_to

from dagster_project.clinic import load_clinic
from dagster_project.conversation.events import parse
from dagster_project.conversation.script import Script
from dagster_project.ingest.reachability import reachable
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.ledger.conversation import accounts, issue_code, keep
from dagster_project.ledger.store import open_ledger

LAPSED = range(1, 5)
EARLY = -9 * 60 + 60  # one in the morning of the first day, in minutes


def rows(consents: str = "visit") -> dict[str, list[Row]]:
    return {
        "patients": [{"patient_no": str(n), "sex": "male"} for n in range(1, 31)],
        "visits": [
            {"patient_no": str(n), "visited_on": "2025-10-01" if n in LAPSED else "2026-05-20"}
            for n in range(1, 31)
        ],
        "line_links": [
            {"line_user_id": user(n), "patient_no": str(n), "consent_purposes": consents}
            for n in LAPSED
            if n != 4
        ],
    }


def hear(world: World, *events: dict[str, object]) -> None:
    engine = open_ledger(world.settings(MONDAY).ledger())
    keep(engine, "good", [each.event for each in parse(chat.body(events))], chat.START)


def test_who_stopped_blocked_or_unlinked_since_the_night_hears_nothing(planned: World) -> None:
    stopped, left, stays = map(user, written_to("good", "visit", 3))
    hear(
        planned,
        chat.text("配信停止", stopped, 1),
        chat.event("unfollow", left, 2),
        chat.tap("consent:v1:survey:no", stays, 3),
    )
    assert planned.send(MONDAY, at(MONDAY, 10, 1)) == 0
    assert set(planned.received("good")) == {stays}


def test_a_code_and_a_tap_in_the_chat_are_enough_to_be_written_to(world: World) -> None:
    world.write("good", MONDAY, rows(consents=""))
    engine = open_ledger(world.settings(MONDAY).ledger())
    before = at(MONDAY - timedelta(days=1), 9)
    own = {"9": "parent"}
    code = issue_code(engine, "good", ["4", "9"], "self", "reception", before, own)
    hear(world, chat.text(code, user(4), EARLY), chat.tap("consent:v1:visit:yes", user(4), EARLY))
    assert world.nightly() == 0
    assert set(world.received("good")) == {user(4)}
    found = world.published(
        "good", "select patient_id, relation, linked_on, consent_version from stg_line_links where"
        f" line_user_id = '{user(4)}' order by 1"
    )  # fmt: skip
    assert found == [("4", "self", MONDAY, "v1"), ("9", "parent", MONDAY, "v1")]


def test_what_is_said_after_the_business_day_is_not_read_that_night(world: World) -> None:
    world.write("good", MONDAY, rows(consents=""))
    hear(world, chat.tap("consent:v1:visit:yes", user(1), 24 * 60))
    assert world.nightly() == 0
    assert not world.received("good")


@pytest.mark.long
def test_the_gate_and_the_night_read_lists_and_chat_alike(world: World) -> None:
    listed = product(
        ("following", "blocked"),
        ("", "visit|vaccine"),
        ("", "2026-05-19", "2026-05-20", "2026-05-21"),
        ("2026-05-19", "2026-05-21"),
    )
    said = (
        (),
        (lambda who, at_: chat.text("配信停止", who, at_),),
        (lambda who, at_: chat.tap("consent:v1:visit:no", who, at_),),
        (lambda who, at_: chat.tap("consent:v1:checkup:yes", who, at_),),
        (lambda who, at_: chat.event("unfollow", who, at_),),
        (lambda who, at_: chat.event("follow", who, at_),),
        (lambda who, at_: chat.text("連携解除", who, at_),),
    )
    links: list[Row] = []
    events = []
    twelve_days_ago = -12 * 24 * 60
    for number, ((friend, purposes, agreed, linked), words) in enumerate(
        product(listed, said), start=1
    ):
        links.append(
            {
                "line_user_id": user(number),
                "patient_no": str(1 + number % 30),
                "friend_status": friend,
                "consent_purposes": purposes,
                "consented_on": agreed,
                "linked_on": linked,
            }
        )
        events += [say(user(number), twelve_days_ago) for say in words]
    world.write("good", MONDAY, {**rows(), "line_links": links})
    hear(world, *events)
    assert world.nightly() == 0
    night = world.published(
        "good",
        "select line_user_id, patient_id, unnest(string_split(consent_purposes, '|'))"
        " from stg_line_links where is_following and consent_purposes <> ''",
    )
    place = world.settings(MONDAY)
    clinic = load_clinic(world.exports / "good" / "clinic.yaml")
    heard = snapshot(accounts(open_ledger(place.ledger()), "good", date.max, Script()))
    gate = reachable(place.landing_dir(), clinic, MONDAY, heard)
    assert set(night) == gate
    assert len(night) > len(links) // 4
