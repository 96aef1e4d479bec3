"""What a month has left, by LINE's answers and our own count, and which messages get it."""

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from delivery_fixtures import Night, a_night, at, plan_rows, ready, users
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.delivery.afford import Turn, chosen
from dagster_project.delivery.gate import Key, Planned
from dagster_project.ledger.quota import Room, note_quota, room_now
from dagster_project.ledger.store import reading, writing
from dagster_project.line.replies import Quota


def message(campaign: int, person: int) -> Planned:
    key = (f"aozora/{campaign}/1/none/2026-06", f"U{person:032x}")
    return Planned(key, "visit", ["1"], str(campaign), campaign, "v1", "a", "b", None)


# Sizes of the turns: the first is of those with a last day, each later one a campaign.
turn_sizes = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=6)


@given(turn_sizes, st.integers(-5, 40), st.randoms(use_true_random=False))
def test_never_more_than_fits_and_no_last_day_waits_for_what_can_wait(
    sizes: list[tuple[int, bool]], left: int, shuffle: random.Random
) -> None:
    turns: dict[Key, Turn] = {}
    ready_: list[Planned] = []
    for turn, (size, in_parts) in enumerate(sizes, start=1):
        for place in range(1, size + 1):
            each = message(turn, place)
            turns[each.key] = Turn(turn, place, in_parts=in_parts or turn == 1)
            ready_.append(each)
    shuffle.shuffle(ready_)
    fits, waits = chosen(ready_, turns, left)
    assert len(fits) <= max(left, 0)
    assert Counter(each.key for each in (*fits, *waits)) == Counter([*turns])
    fits_keys = [each.key for each in fits]
    sent = set(fits_keys)
    assert [each.key for each in ready_ if each.key in sent] == fits_keys
    if any(turns[each.key].turn == 1 for each in waits):
        assert all(turns[key].turn == 1 for key in sent)
    for turn, (size, in_parts) in enumerate(sizes, start=1):
        places = sorted(turns[key].place for key in sent if turns[key].turn == turn)
        assert places == list(range(1, len(places) + 1)), "the best first"
        if not in_parts and turn > 1:
            assert len(places) in {0, size}, "whole or not at all"
        unused = max(left, 0) - len(sent)
        if len(places) < size and (in_parts or turn == 1):
            assert not unused, "nothing is wasted"


def test_without_a_limit_everybody_goes_and_what_a_person_asked_for_goes_first() -> None:
    planned = [message(1, 1), message(1, 2), message(2, 3)]
    turns = {each.key: Turn(place, 1, in_parts=False) for place, each in enumerate(planned[:2], 1)}
    assert chosen(planned, turns, None) == (planned, [])
    fits, waits = chosen(planned, turns, 2)
    assert [each.key for each in fits] == [planned[0].key, planned[2].key]
    assert [each.key for each in waits] == [planned[1].key]


# --- what is left ---------------------------------------------------------------------------


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Return three people in a batch that has not left."""
    return ready(a_night(tmp_path))


def answered(night: Night, quota: Quota, moment: datetime) -> None:
    with writing(night.engine, "aozora") as con:
        note_quota(con, "aozora", quota, moment)


def room(night: Night, moment: datetime, own_limit: int | None = None) -> Room:
    with reading(night.engine) as con:
        return room_now(con, "aozora", own_limit, moment)


@pytest.mark.parametrize(
    ("said", "own", "left"),
    [(100, None, 57), (None, None, None), (None, 50, 7), (100, 50, 7), (40, 50, -3), (43, 99, 0)],
)
def test_the_smaller_limit_counts_less_what_is_used_and_what_waits(
    night: Night, said: int | None, own: int | None, left: int | None
) -> None:
    answered(night, Quota(said, 40), at(2))
    found = room(night, at(10), own)
    assert (found.left, found.used) == (left, 40)
    assert found.read_at == at(2)


def test_nobody_knows_before_the_first_answer_and_of_another_clinic_or_month(night: Night) -> None:
    assert room(night, at(10), 50) == Room(None, None)
    with writing(night.engine, "hinata") as con:
        note_quota(con, "hinata", Quota(1, 1), at(2))
    answered(night, Quota(100, 40), at(23, 59, day=at(2).date() - timedelta(days=1)))
    assert room(night, at(10), 50) == Room(None, None)
    answered(night, Quota(100, 0), at(0))
    assert room(night, at(10)).left == 97


def test_a_batch_past_its_hour_takes_no_place(night: Night) -> None:
    answered(night, Quota(100, 40), at(2))
    (frozen,) = night.batches()
    ends = datetime.fromisoformat(str(frozen["not_after"]))
    assert room(night, ends - timedelta(seconds=1)).left == 57
    assert room(night, ends).left == 60


def test_what_line_has_not_counted_yet_we_count_ourselves_for_a_day(night: Night) -> None:
    answered(night, Quota(100, 40), at(2))
    night.line.limit, night.line.used = 100, 40
    assert night.send().accepted == 3
    assert room(night, at(10, 10)).left == 57
    # LINE answers late: the answer before the batch and our three say more, and count.
    answered(night, Quota(100, 40), at(10, 20))
    assert room(night, at(10, 30)).left == 57
    # It has counted: nothing is counted twice.
    answered(night, Quota(100, 43), at(10, 40))
    assert room(night, at(10, 50)).left == 57
    # Others of the clinic may send from LINE's own console.
    answered(night, Quota(100, 60), at(11))
    assert room(night, at(11, 1)).left == 40


def test_a_day_after_its_own_answer_line_is_believed(night: Night) -> None:
    answered(night, Quota(100, 40), at(2))
    night.line.limit, night.line.used = 100, 40
    night.send()
    tomorrow = at(2).date() + timedelta(days=1)
    # Some had blocked us, were not reached, and are not counted by LINE.
    answered(night, Quota(100, 41), at(1, 59, day=tomorrow))
    assert room(night, at(1, 59, day=tomorrow)).left == 57
    assert room(night, at(2, 0, day=tomorrow)).left == 59


# --- at the gate ----------------------------------------------------------------------------


def test_batches_that_no_longer_fit_are_taken_back_and_shared_out_again(tmp_path: Path) -> None:
    night = a_night(tmp_path)
    rows = plan_rows(users(5))
    turns = {row.key: Turn(1, 5 - place, in_parts=True) for place, row in enumerate(rows)}
    night.plan(rows)
    done = night.freeze(rows, turns=turns, left=5)
    assert (done.frozen, done.deferred) == (5, 0)
    # Two of the five have no room any more: the last two in the night's order wait.
    done = night.freeze(rows, turns=turns, left=-2)
    assert (done.frozen, done.deferred) == (3, 2)
    waiting = {each["line_user_id"] for each in night.intents() if each["state"] == "planned"}
    assert waiting == {row.line_user_id for row in rows[:2]}
    reasons = [each["reason"] for each in night.intents() if each["state"] == "planned"]
    assert reasons == ["deferred_by_quota"] * 2
    # With room again nobody waits, and the reason goes.
    done = night.freeze(rows, turns=turns, left=2)
    assert (done.frozen, done.deferred) == (2, 0)
    assert {each["reason"] for each in night.intents()} == {None}


@pytest.mark.parametrize(("left", "frozen"), [(4, 0), (5, 5), (6, 5), (0, 0), (None, 5)])
def test_a_campaign_that_does_not_fit_whole_is_not_begun(
    tmp_path: Path, left: int | None, frozen: int
) -> None:
    night = a_night(tmp_path)
    rows = plan_rows(users(5))
    turns = {row.key: Turn(1, place, in_parts=False) for place, row in enumerate(rows)}
    night.plan(rows)
    done = night.freeze(rows, turns=turns, left=left)
    assert (done.frozen, done.deferred) == (frozen, 5 - frozen)


def test_what_waited_until_its_day_was_over_says_why(tmp_path: Path) -> None:
    night = a_night(tmp_path)
    rows = plan_rows(users(2))
    night.plan(rows)
    night.freeze(rows, turns={row.key: Turn(1, 1, in_parts=False) for row in rows}, left=0)
    tomorrow = at(2).date() + timedelta(days=1)
    night.build = replace(night.build, build_id="next", as_of=tomorrow)
    night.plan([])
    assert {each["reason"] for each in night.intents()} == {"deferred_by_quota"}
    assert "planned" not in {each["state"] for each in night.intents()}
