"""From a plan to frozen batches: what is written once, what may be planned again, who is out."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from delivery_fixtures import MONDAY, Night, a_build, a_night, at, plan_rows, user, users
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.delivery.freeze import split_evenly
from dagster_project.delivery.plan import PlanRow, PlanSummary
from dagster_project.delivery.reconcile import reconcile
from dagster_project.delivery.snapshot import deliveries_for_warehouse

TUESDAY = date(2026, 6, 2)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


@given(st.integers(0, 3000), st.integers(1, 500))
def test_splitting_loses_nobody_and_parts_differ_by_one(people: int, largest: int) -> None:
    everyone = users(people)
    parts = split_evenly(everyone, largest)
    assert [each for part in parts for each in part] == everyone
    assert len(parts) == -(-people // largest)
    sizes = [len(part) for part in parts]
    assert max(sizes, default=0) <= largest
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert 0 not in sizes


def test_seven_hundred_become_two_equal_multicasts(night: Night) -> None:
    rows = plan_rows(users(700))
    night.plan(rows)
    night.freeze(rows)
    assert sorted(each["recipients"] for each in night.batches()) == [350, 350]


@pytest.mark.parametrize(("people", "sizes"), [(500, [500]), (501, [250, 251]), (1, [1])])
def test_a_batch_holds_at_most_five_hundred(night: Night, people: int, sizes: list[int]) -> None:
    rows = plan_rows(users(people))
    night.plan(rows)
    night.freeze(rows)
    assert sorted(each["recipients"] for each in night.batches()) == sizes


def test_one_recipient_is_a_push_and_its_unit_says_nothing(night: Night) -> None:
    rows = plan_rows(users(1), campaign="womens_screening")
    night.plan(rows)
    night.freeze(rows)
    (frozen,) = night.batches()
    body = json.loads(frozen["body"])
    assert body["to"] == user(0)
    assert body["customAggregationUnits"] == [frozen["unit"]]
    assert len(str(frozen["unit"])) == 28
    assert "womens" not in str(frozen["unit"])


def test_the_same_plan_twice_changes_nothing(night: Night) -> None:
    rows = plan_rows(users(5))
    assert night.plan(rows) == PlanSummary(planned=5, withdrawn=0, expired=0, unchanged=0)
    before = night.intents()
    night.clock.sleep(60)
    assert night.plan(rows) == PlanSummary(planned=0, withdrawn=0, expired=0, unchanged=5)
    assert night.intents() == before


def test_who_left_the_plan_is_skipped_and_may_come_back(night: Night) -> None:
    rows = plan_rows(users(3))
    night.plan(rows)
    assert night.plan(rows[:2]).withdrawn == 1
    gone = next(each for each in night.intents() if each["line_user_id"] == user(2))
    assert (gone["state"], gone["reason"]) == ("skipped", "no_longer_due")
    night.plan(rows)
    assert Counter(each["state"] for each in night.intents()) == {"planned": 3}


def test_what_was_never_sent_expires_with_its_day(night: Night) -> None:
    rows = plan_rows(users(3))
    night.plan(rows)
    night.build = a_build(TUESDAY)
    assert night.plan(rows[:1]) == PlanSummary(planned=1, withdrawn=0, expired=3, unchanged=0)
    found = {(each["line_user_id"], each["state"], each["as_of"]) for each in night.intents()}
    assert (user(0), "planned", TUESDAY) in found
    assert (user(1), "expired", MONDAY) in found


def test_rerunning_an_older_night_leaves_todays_plan_alone(night: Night) -> None:
    rows = plan_rows(users(3))
    night.build = a_build(TUESDAY)
    night.plan(rows)
    before = night.intents()
    night.build = a_build(MONDAY)
    night.plan(rows)
    assert night.intents() == before


def test_what_is_in_a_batch_is_history(night: Night) -> None:
    rows = plan_rows(users(3))
    night.plan(rows)
    night.freeze(rows)
    before = night.batches()
    night.build = a_build(number=2)
    assert night.plan(rows).planned == 0
    assert night.freeze(rows).frozen == 0
    assert night.batches() == before


def test_a_row_of_another_clinic_is_refused_before_anything_is_written(night: Night) -> None:
    with pytest.raises(ValueError, match="occurrences of others"):
        night.plan([*plan_rows(users(1)), *plan_rows(users(1), clinic_id="hinata")])
    assert night.intents() == []


def test_the_gate_leaves_out_who_withdrew_with_the_reason(night: Night) -> None:
    rows = plan_rows(users(4))
    night.plan(rows)
    summary = night.freeze(rows[1:], without=[user(3)])
    assert (summary.frozen, summary.refused) == (2, 2)
    reasons = {each["line_user_id"]: each["reason"] for each in night.intents()}
    assert reasons[user(0)] == "no_longer_due"
    assert reasons[user(3)] == "consent_or_link_gone"


def test_a_child_added_to_a_message_changes_it_so_it_waits_for_a_new_plan(night: Night) -> None:
    (row,) = plan_rows(users(1))
    night.plan([row])
    grown = PlanRow(**(vars(row) | {"patient_ids": f"{row.patient_ids},p9"}))
    assert night.freeze([grown]).refused == 1
    night.plan([grown])
    assert night.freeze([grown]).frozen == 1


def test_a_plan_of_another_build_or_other_content_waits(night: Night) -> None:
    rows = plan_rows(users(2)) + plan_rows(users(2, 10), version="v9")
    night.plan(rows)
    night.build = a_build(number=2)
    assert night.freeze(rows).held == 4
    night.plan(rows)
    summary = night.freeze(rows)
    assert (summary.frozen, summary.held) == (2, 2)


def test_a_waiting_batch_is_made_anew_when_one_of_its_people_withdraws(night: Night) -> None:
    rows = plan_rows(users(4))
    night.plan(rows)
    night.freeze(rows)
    assert night.freeze(rows, without=[user(1)]).frozen == 3
    states = {each["state"]: json.loads(each["body"])["to"] for each in night.batches()}
    assert states["expired"] == users(4)
    assert states["frozen"] == [user(0), user(2), user(3)]
    proof = reconcile(night.engine, "aozora")
    assert (proof.planned, proof.pending, proof.skipped) == (4, 3, 1)


def test_a_batch_once_tried_keeps_its_people(night: Night) -> None:
    rows = plan_rows(users(4))
    night.plan(rows)
    night.freeze(rows)
    night.send()
    assert night.freeze(rows, without=[user(1)]).frozen == 0
    (only,) = night.batches()
    assert only["state"] == "accepted"


def test_the_most_urgent_messages_keep_the_daily_places(night: Night) -> None:
    rows = [
        *plan_rows(users(1), campaign="third", priority=3, version="v3"),
        *plan_rows(users(1), campaign="first", priority=1, version="v1"),
        *plan_rows(users(1), campaign="second", priority=2, version="v2"),
    ]
    night.plan(rows)
    night.freeze(rows)
    assert {each["campaign"] for each in night.batches()} == {"first", "second"}


def test_the_warehouse_learns_of_every_patient_and_fate(night: Night) -> None:
    rows = plan_rows(users(3))
    rows[0] = PlanRow(**(vars(rows[0]) | {"patient_ids": "p0,p77"}))
    night.plan(rows)
    night.freeze(rows, without=[user(2)])
    night.send()
    found = {row[4]: (row[5], row[7]) for row in deliveries_for_warehouse(night.engine, "aozora")}
    assert {patient: state for patient, (state, _) in found.items()} == {
        "p0": "accepted",
        "p77": "accepted",
        "p1": "accepted",
        "p2": "skipped",
    }
    assert str(found["p0"][1]) == "2026-06-01 10:05:00"
    assert deliveries_for_warehouse(night.engine, "hinata") == []


Plan = st.lists(st.sets(st.integers(0, 12)), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(Plan, st.lists(st.sampled_from(["freeze", "send", "next_day", ""]), min_size=5, max_size=5))
def test_however_often_it_is_replanned_nobody_is_in_two_batches(
    plans: list[set[int]], actions: list[str]
) -> None:
    with TemporaryDirectory() as folder:
        night = a_night(Path(folder))
        days = iter([TUESDAY, date(2026, 6, 3), date(2026, 6, 5), date(2026, 6, 6)])
        everyone: set[str] = set()
        for number, (numbers, action) in enumerate(zip(plans, actions, strict=False)):
            night.build = a_build(night.build.as_of, number=number)
            rows = plan_rows(user(each) for each in sorted(numbers))
            everyone |= {row.line_user_id for row in rows}
            night.plan(rows)
            if action in {"freeze", "send"}:
                night.freeze(rows, max_batch=4)
            if action == "send":
                night.send()
            if action == "next_day" and (day := next(days, None)):
                night.clock.now = at(10, 5, day)
                night.build = a_build(day)
                night.send()
            reconcile(night.engine, "aozora")
        sent = Counter(
            each
            for body, _ in night.line.sent
            for to in [json.loads(body)["to"]]
            for each in ([to] if isinstance(to, str) else to)
        )
        assert set(sent.values()) <= {1}
        assert reconcile(night.engine, "aozora").planned == len(everyone)
        night.engine.dispose()
