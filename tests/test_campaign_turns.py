"""Which campaigns change places for what their messages bring: told by SQL as by uplift.py."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import DBT, MONDAY
from results_tables import CAMPAIGN, Laid
from scipy.special import ndtri

from dagster_project.insight.turns import Why
from dagster_project.insight.uplift import CONFIDENCE, FEWEST, Arm, uplift

SMALLEST = 10  # of answer_rules
RESULTS = (
    "campaign varchar, step integer, variant varchar, month date, messages bigint, sent bigint,"
    " compared bigint, compared_visited bigint, holdout bigint, holdout_visited bigint"
)
Counts = tuple[int, int, int, int]  # told: came, did not; left out: came, did not


@pytest.fixture(scope="module")
def laid(parsed: Path) -> Iterator[Laid]:
    laid = Laid(parsed)
    laid.con.execute(f"create table campaign_results ({RESULTS})")
    yield laid
    laid.con.close()


def turns(laid: Laid, found: Sequence[tuple[int, Counts]]) -> dict[str, tuple[float, int]]:
    """Return what campaigns bring a message, and the priority that gives them, by their name."""
    laid.con.execute("delete from campaigns")
    laid.con.execute("delete from campaign_results")
    for number, (priority, (came, stayed, others_came, others_stayed)) in enumerate(found):
        name = f"c{number}"
        laid.lay("campaigns", {**CAMPAIGN, "campaign": name, "priority": priority})
        laid.con.execute(
            "insert into campaign_results values (?, 1, null, null, 10, 15, ?, ?, ?, ?)",
            [name, came + stayed, came, others_came + others_stayed, others_came],
        )
    laid.night(MONDAY, "campaign_turns")
    rows = laid.rows("select campaign, visits_per_message, given_priority from campaign_turns")
    return {name: (worth, priority) for name, worth, priority in rows}


def effect(counts: Counts) -> float | None:
    """Return the difference of the two shares where people are told that there is one."""
    came, stayed, others_came, others_stayed = counts
    told, left_out = Arm(came + stayed, came), Arm(others_came + others_stayed, others_came)
    found = uplift(told, left_out) if min(told.people, left_out.people) >= SMALLEST else None
    return found.points / 100 if found and found.is_told else None


COUNTS = st.one_of(
    st.tuples(*[st.integers(0, 60)] * 4),
    # Near where it just is, or just is not, to be told.
    st.tuples(st.integers(4, 40), st.integers(4, 40), st.integers(4, 12), st.integers(4, 40)),
)


@settings(max_examples=60, deadline=None)
@given(found=st.lists(st.tuples(st.integers(1, 6), COUNTS), min_size=1, max_size=12))
def test_sql_and_python_tell_the_same_effects_and_the_best_takes_the_first_place(
    laid: Laid, found: list[tuple[int, Counts]]
) -> None:
    effects = {f"c{n}": effect(counts) for n, (_, counts) in enumerate(found)}
    told = {name: each for name, each in effects.items() if each is not None}
    given_turns = turns(laid, found)
    assert given_turns.keys() == told.keys()
    for name, (worth, _) in given_turns.items():
        assert worth == pytest.approx(told[name] * 1.5)  # 15 patients in 10 messages
    # Nothing but the places they hold is given out, the first to the one that brings most.
    own = sorted(priority for n, (priority, _) in enumerate(found) if f"c{n}" in told)
    by_worth = sorted(given_turns.values(), key=lambda each: (-each[0], each[1]))
    assert [priority for _, priority in by_worth] == own


def test_the_bounds_are_those_of_uplift() -> None:
    with (DBT / "seeds" / "result_rules.csv").open(encoding="utf-8") as file:
        rules = {row["rule"]: float(row["value"]) for row in csv.DictReader(file)}
    assert rules["fewest_to_compare"] == FEWEST
    assert rules["interval_quantile"] == ndtri((1 + CONFIDENCE) / 2)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (Why(True, 1, 2, 0.5), "最後の日が翌月を待てない"),
        (Why(False, 3, None, None), "優先順位 3"),
        (Why(False, 3, 2, 0.125), "1通あたりの来院 +0.12 (優先順位 3 → 2)"),
        (Why(False, 3, 3, -0.25), "1通あたりの来院 -0.25 (優先順位 3 のまま)"),
    ],
)
def test_why_a_message_has_its_turn(why: Why, said: str) -> None:
    assert str(why) == said
