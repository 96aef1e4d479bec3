"""Batches nobody knows the fate of: listed, decided by a person, sent again only by one's word."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from delivery_fixtures import MONDAY, Night, a_build, a_night, plan_rows, ready, user, users

from dagster_project.delivery.reconcile import reconcile
from dagster_project.ledger.dead_letters import DeadLetterError, Decision, decide, undecided
from dagster_project.ledger.holds import in_force
from dagster_project.ledger.store import reading, writing
from dagster_project.line.replies import Kind

TUESDAY = MONDAY + timedelta(days=1)
STILL = plan_rows(users(3))  # who can be reached on Tuesday


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Return Tuesday, after a Monday whose one batch of three was never settled."""
    night = ready(a_night(tmp_path))
    night.line.script = [Kind.UNKNOWN] * 5
    night.send()
    night.clock.now += timedelta(days=1)
    night.build = a_build(TUESDAY)
    night.send()
    night.line.sent.clear()
    return night


def letters(night: Night) -> list[str]:
    with reading(night.engine) as con:
        return [each.id for each in undecided(con, "aozora")]


def decided(night: Night, what: Decision, begins: str = "", by: str = "佐藤") -> None:
    with writing(night.engine, "aozora") as con:
        decide(con, night.build, begins or letters(night)[0], what, by, "電話で確認", night.clock())


def test_an_unknown_batch_waits_for_a_person_and_is_not_sent_by_itself(night: Night) -> None:
    assert len(letters(night)) == 1
    night.freeze(STILL)
    night.send()
    assert not night.line.sent


def test_a_resend_is_a_new_occurrence_with_a_new_key_for_the_same_people(night: Night) -> None:
    (old,) = night.batches()
    decided(night, "resend")
    night.freeze(STILL)
    night.send()
    ((body, key),) = night.line.sent
    assert set(json.loads(body)["to"]) == set(users(3))
    assert key != old["retry_key"]
    new = next(each for each in night.batches() if each["id"] != old["id"])
    assert new["occurrence_id"] != old["occurrence_id"]
    assert not letters(night)
    assert reconcile(night.engine, "aozora").accepted == 3
    night.freeze(STILL)
    night.send()
    assert len(night.line.sent) == 1


def test_the_gate_looks_at_a_resend_again(night: Night) -> None:
    decided(night, "resend")
    night.freeze(STILL, without=[user(1)])
    night.send()
    ((body, _),) = night.line.sent
    assert json.loads(body)["to"] == [user(0), user(2)]
    assert reconcile(night.engine, "aozora").skipped == 1


def test_a_resend_outlives_a_new_plan_of_the_day(night: Night) -> None:
    decided(night, "resend")
    night.build = a_build(TUESDAY, number=2)
    rows = plan_rows(users(2, first=7), campaign="other")
    night.plan(rows)
    night.freeze(rows + STILL)
    night.send()
    assert sum(len(json.loads(body)["to"]) for body, _ in night.line.sent) == 5


def test_what_proved_to_have_arrived_meanwhile_is_not_sent_again(night: Night) -> None:
    decided(night, "resend")
    night.freeze(STILL)
    night.line.units = {str(each["unit"]) for each in night.batches() if each["first_try_at"]}
    night.send()
    assert not night.line.sent
    proof = reconcile(night.engine, "aozora")
    assert (proof.planned, proof.accepted, proof.skipped) == (6, 3, 3)


def test_a_dropped_one_is_left_as_it_is(night: Night) -> None:
    decided(night, "drop")
    assert not letters(night)
    night.freeze(STILL)
    night.send()
    assert not night.line.sent
    assert reconcile(night.engine, "aozora").unknown == 3


def test_a_decision_needs_a_name_a_batch_and_is_made_once(night: Night) -> None:
    with pytest.raises(DeadLetterError, match="--by"):
        decided(night, "drop", by=" ")
    with pytest.raises(DeadLetterError, match="0 undecided"):
        decided(night, "drop", begins="none")
    (only,) = letters(night)
    decided(night, "drop")
    with pytest.raises(DeadLetterError, match="0 undecided"):
        decided(night, "resend", begins=only)


def test_a_resend_leaves_out_who_came_since_and_who_is_no_longer_due(night: Night) -> None:
    decided(night, "resend")
    due = {("lapsed", "p1"), ("lapsed", "p2"), ("other", "p0")}
    night.freeze(STILL, due=due, visited={("lapsed", "p1"), ("other", "p2")})
    night.send()
    ((body, _),) = night.line.sent
    assert json.loads(body)["to"] == user(2)
    assert [each["reason"] for each in night.intents() if each["state"] == "skipped"] == [
        "no_longer_due",
        "visited_recently",
    ]


def test_a_resend_that_waits_is_taken_back_when_the_patient_is_no_longer_due(night: Night) -> None:
    decided(night, "resend")
    night.freeze(STILL)
    night.freeze(STILL, due={("lapsed", "p1"), ("lapsed", "p2")})
    night.send()
    ((body, _),) = night.line.sent
    assert json.loads(body)["to"] == [user(1), user(2)]


def test_a_resend_says_what_the_first_one_said(tmp_path: Path) -> None:
    night = a_night(tmp_path)
    several = [{"type": "text", "text": "お子さま{children}名のお知らせです。"}]
    messages = {"v1": [{"type": "text", "text": "お知らせです。"}], "v1/several": several}
    row = plan_rows([user(1)])[0]
    both = type(row)(**(vars(row) | {"patient_ids": "p1,p2"}))
    night.plan([both])
    night.freeze([both], messages=messages, told_as={both.key: "several"})
    night.line.script = [Kind.UNKNOWN] * 5
    night.send()
    night.clock.now += timedelta(days=1)
    night.build = a_build(TUESDAY)
    night.send()
    decided(night, "resend")
    night.freeze([both], messages=messages)
    night.send()
    said = [json.loads(body)["messages"] for body, _ in night.line.sent]
    assert said[0] == [{"type": "text", "text": "お子さま2名のお知らせです。"}]
    assert said[-1] == said[0]
    assert night.line.sent[-1][1] != night.line.sent[0][1]


@pytest.mark.parametrize(("a_day", "sent"), [(2, 5), (1, 4)])
def test_a_resend_counts_in_the_cap_and_trips_nothing(night: Night, a_day: int, sent: int) -> None:
    decided(night, "resend")
    night.build = a_build(TUESDAY, number=2)
    rows = plan_rows(users(2), campaign="other", priority=4, version="v2")
    rows[1] = plan_rows([user(7)], campaign="other", priority=4, version="v2")[0]
    # The same words for a sibling who is due under the next occurrence: once a day is enough.
    rows += [replace(each, occurrence_id=f"{each.occurrence_id}/next") for each in STILL[1:2]]
    night.plan(rows)
    night.freeze([*rows, *STILL], max_a_day=a_day)
    night.send()
    assert sum(1 for body, _ in night.line.sent for _ in listed(body)) == sent
    reasons = sorted(str(each["reason"]) for each in night.intents() if each["state"] == "skipped")
    assert reasons == ["other_message_today"] * (2 - a_day) + ["repeated_content"]
    with reading(night.engine) as con:
        assert not in_force(con, "aozora", "breaker")


def listed(body: bytes) -> list[str]:
    to = json.loads(body)["to"]
    return [to] if isinstance(to, str) else list(to)
