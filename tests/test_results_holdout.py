"""Acceptance D14, who is left out, and what leaving out can show."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from nights import is_held_out
from results_tables import CAMPAIGN, Laid, numbers

from dagster_project.insight.results import campaign_results, pooled
from dagster_project.insight.uplift import Arm, detectable, uplift
from dagster_project.rules import DECIDING

SENT = date(2026, 5, 1)
SEEDS = 200
PATIENTS = 2000  # of each seed, one in five of whom is left out
BASE = 0.1


@pytest.fixture
def laid(parsed: Path) -> Laid:
    return Laid(parsed)


def plant(laid: Laid, added: float) -> None:
    """Lay down 200 campaigns, each of another seed, whose messages add to the share who come."""
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, int(100 * added)])
        is_told = rng.random(PATIENTS) >= 0.2
        comes = rng.random(PATIENTS) < BASE + added * is_told
        # Whoever comes does so on some day of the window; others that day, before it, or after it.
        days = np.where(comes, rng.integers(1, 31, PATIENTS), rng.choice([-3, 0, 31], PATIENTS))
        people = [f"{seed}-{n}" for n in range(PATIENTS)]
        what = {"campaign": [f"seed {seed}"], "step": [1], "occurrence_id": [f"o {seed}"]}
        for arm, chosen in (("ledger.deliveries", is_told), ("previous.holdout_starts", ~is_told)):
            who = [each for each, is_so in zip(people, chosen, strict=True) if is_so]
            columns = {name: values * len(who) for name, values in what.items()}
            if arm == "ledger.deliveries":
                columns |= {"line_user_id": who, "state": ["accepted"] * len(who)}
                columns |= {"variant": ["a"] * len(who)}
                columns |= {"accepted_at": [SENT] * len(who), "as_of": [SENT] * len(who)}
            else:
                columns |= {"on_day": [SENT] * len(who)}
            laid.lay_columns(arm, {**columns, "patient_id": who})
        visited_on = [SENT + timedelta(days=int(each)) for each in days]
        laid.lay_columns("stg_visits", {"patient_id": people, "visited_on": visited_on})


@pytest.mark.parametrize("added", [0.05, 0.0])
def test_d14_the_interval_tells_the_planted_truth(laid: Laid, added: float) -> None:
    plant(laid, added)
    laid.night(date(2026, 6, 1), "stg_deliveries", "message_outcomes", "campaign_results")
    effects = [each.uplift for each in pooled(campaign_results(laid.con))]
    assert len(effects) == SEEDS
    assert all(effects)
    covered = sum(each.low <= 100 * added <= each.high for each in effects if each)
    claimed = sum(each.is_told for each in effects if each)
    assert 182 <= covered <= 198
    assert claimed <= 18 if added == 0 else claimed > 100


def test_a_difference_has_bounds_from_five_on_each_side() -> None:
    told = Arm(100, 50)
    assert uplift(told, Arm(50, 5)) is not None
    assert uplift(told, Arm(50, 4)) is None
    assert uplift(told, Arm(50, 45)) is not None
    assert uplift(told, Arm(50, 46)) is None
    assert uplift(Arm(100, 4), Arm(50, 25)) is None


def test_an_effect_is_told_when_zero_is_outside() -> None:
    sure, unsure = uplift(Arm(1000, 150), Arm(1000, 100)), uplift(Arm(1000, 110), Arm(1000, 100))
    worse = uplift(Arm(1000, 100), Arm(1000, 150))
    assert [each.is_told for each in (sure, unsure, worse) if each] == [True, False, True]


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_four_times_of_five_the_planned_effect_is_seen(share: float) -> None:
    people, base = 3000, 0.1
    points = detectable(people, share, base)
    assert points is not None
    rng = np.random.default_rng(1)
    left_out = round(people * share)
    came = rng.binomial(people - left_out, base + points / 100, 4000)
    by_themselves = rng.binomial(left_out, base, 4000)
    seen = [
        found.is_told
        for one, other in zip(came, by_themselves, strict=True)
        if (found := uplift(Arm(people - left_out, int(one)), Arm(left_out, int(other))))
    ]
    assert 0.77 <= np.mean(seen) <= 0.83


def test_nothing_is_promised_of_too_few() -> None:
    assert detectable(500, 0.1, 0.1) is not None
    assert detectable(499, 0.1, 0.1) is None
    assert detectable(60, 0.1, 0.9) is None


DECIDED = {
    "candidates": "campaign varchar, patient_id varchar, standing varchar, since date,"
    " due_on date, deadline_on date, evidence varchar",
    "patients_today": "patient_id varchar, is_deceased boolean, is_test boolean,"
    " care_status varchar, last_visit_on date, next_appointment_on date",
    "addressees": "patient_id varchar, purpose varchar, line_user_id varchar,"
    " is_following boolean, has_consent boolean",
    "scenario_positions": "campaign varchar, patient_id varchar, entered_on date, state varchar,"
    " ended_on date, last_step integer, next_step integer, next_due_on date",
}
SETTINGS = (
    "step integer, cycle varchar, urgent_days integer,"
    " may_go_in_parts boolean, min_members integer, is_dropped_if_missed boolean, not_after date,"
    " step_tags varchar, b_from varchar"
)


def test_the_same_people_are_left_out_month_after_month_and_in_every_campaign_of_a_purpose(
    laid: Laid,
) -> None:
    """Three campaigns, two of one purpose; sent every thirty-one days, not on Sundays.

    Whoever is left out is counted from the days on which the others are written to.
    """
    for name, columns in DECIDED.items():
        laid.con.execute(f"create table {name} ({columns})")
    for column in SETTINGS.split(", "):
        laid.con.execute(f"alter table campaigns add column {column.strip()}")
    people = numbers(1, 60)
    purposes = {"one": "visit", "two": "visit", "three": "lifestyle"}
    for priority, (name, purpose) in enumerate(purposes.items(), 1):
        laid.lay("campaigns", {**CAMPAIGN, "campaign": name, "purpose": purpose,
                               "priority": priority, "cooldown_days": 31})  # fmt: skip
        laid.con.execute(
            "insert into candidates (campaign, patient_id, standing) select ?, unnest(?), 'member'",
            [name, people],
        )
    laid.con.execute(
        "update campaigns set step = 1, cycle = 'month', holdout_below = '4ccccccc',"
        " may_go_in_parts = false, is_dropped_if_missed = false, step_tags = ','"
    )
    laid.con.execute(
        "insert into patients_today (patient_id, is_deceased, is_test, care_status)"
        " select unnest(?), false, false, 'active'",
        [people],
    )
    laid.con.execute(
        "insert into addressees select patient_id, purpose, 'U' || patient_id, true, true"
        " from patients_today cross join (select distinct purpose from campaigns)"
    )
    laid.con.execute("insert into clinic.contact_policy values (3, 90, null, null)")
    # 31 May is a Sunday; thirty-one days after the first of June is the second of July.
    days = [date(2026, month, day) for month, day in (
        (5, 1), (5, 2), (5, 31), (6, 1), (6, 2), (6, 30), (7, 1), (7, 2), (7, 3),
    )]  # fmt: skip
    laid.lay("clinic.open_days", *({"day": day} for day in days if day.weekday() != 6))
    for day in days:
        laid.night(day, "stg_deliveries", *DECIDING, "holdout_starts")
        laid.hand_on("holdout_starts")
        laid.con.execute(
            "insert into ledger.deliveries by name select occurrence_id, campaign, step,"
            " line_user_id, patient_id, variant, 'accepted' as state, cast($day as date) as as_of"
            " from delivery_decisions where outcome = 'send'",
            {"day": day},
        )
    sent = laid.rows("select distinct campaign, as_of from ledger.deliveries")
    started = {
        (campaign, day): set(patients)
        for campaign, day, patients in laid.rows(
            "select campaign, on_day, list(patient_id) from holdout_starts group by all"
        )
    }
    held = {
        purpose: {each for each in people if is_held_out("here", purpose, each, 0.3)}
        for purpose in ("visit", "lifestyle")
    }
    assert started == {(campaign, day): held[purposes[campaign]] for campaign, day in sent}
    assert {day for _, day in sent} == {SENT, date(2026, 6, 1), date(2026, 7, 2)}
    assert held["visit"] != held["lifestyle"]
