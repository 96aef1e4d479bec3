"""Acceptance D16: who left and comes back enters anew only after the gap of `per_episode`."""

from datetime import date, timedelta

import pytest
from clinic_builder import Row, user
from nights import World, at

DAY_0 = date(2026, 6, 6)
LEFT = DAY_0 + timedelta(days=61)  # the measurement counts for sixty days
# How many days after that day each patient is measured again.
GAPS = {1: 30, 2: 179, 3: 180, 4: 181}
OTHERS = range(5, 25)  # a campaign for nearly everybody would be held


def rows(day: date) -> dict[str, list[Row]]:
    """Return the clinic's lists of a day."""
    measured = [
        (n, each)
        for n, gap in GAPS.items()
        for each in (DAY_0, LEFT + timedelta(days=gap))
        if each <= day
    ]
    return {
        "patients": [{"patient_no": str(n)} for n in (*GAPS, *OTHERS)],
        "visits": [{"patient_no": str(n), "visited_on": day} for n in OTHERS],
        "observations": [
            {"patient_no": str(n), "observed_on": on, "item": item, "value": value, "unit": "mmHg"}
            for n, on in measured
            for item, value in (("sbp_mmhg", "150"), ("dbp_mmhg", "95"))
        ],
        "line_links": [
            {"line_user_id": user(n), "patient_no": str(n), "consent_purposes": "checkup"}
            for n in GAPS
        ],
    }


def night(world: World, day: date) -> None:
    world.write("d16", day, rows(day))
    assert world.nightly(day, at(day, 10, 1)) == 0


@pytest.mark.long
def test_d16_a_new_entry_only_after_the_gap(world: World) -> None:
    night(world, DAY_0)
    assert world.received("d16") == {user(n): 1 for n in GAPS}
    night(world, LEFT)
    assert world.published(
        "d16", "select state, count(*) from scenario_positions group by state"
    ) == [("lapsed", 4)]
    for gap in sorted(GAPS.values()):
        night(world, LEFT + timedelta(days=gap))
    night(world, LEFT + timedelta(days=181))
    assert world.received("d16") == {user(1): 1, user(2): 1, user(3): 2, user(4): 2}
    assert world.published(
        "d16",
        "select patient_id, step, reason from delivery_decisions"
        " where campaign = 'checkup_followup' and patient_id in ('2', '3', '4') order by all",
    ) == [("2", 2, "scenario_over"), ("3", 2, "not_due"), ("4", 1, "send")]
