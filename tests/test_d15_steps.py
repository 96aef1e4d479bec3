"""Acceptance D15 at a tenth of its size: three steps, exit on a visit or a block, one late."""

from datetime import date, timedelta

import pytest
from clinic_builder import Row, user
from nights import World, at

DAY_0 = date(2026, 6, 1)
PATIENTS = range(1, 21)
OTHERS = range(21, 61)  # a campaign for nearly everybody would be held
CAMPAIGN = "checkup_followup"
# By the day on which the export tells of it: 4 of 20 come and 1 blocks before the second step,
# 2 come and 1 blocks before the third. One of the two came on day 13, known only on day 15.
COMES = {1: 3, 2: 5, 3: 9, 4: 12, 6: 20, 7: 13}
KNOWN = {**COMES, 7: 15}
BLOCKS = {5: 10, 8: 25}


def rows(after: int) -> dict[str, list[Row]]:
    """Return what the clinic's lists say so many days after the first night."""
    return {
        "patients": [{"patient_no": str(n)} for n in (*PATIENTS, *OTHERS)],
        "visits": [
            *({"patient_no": str(n), "visited_on": DAY_0 - timedelta(days=1)} for n in PATIENTS),
            *(
                {"patient_no": str(n), "visited_on": DAY_0 + timedelta(days=day)}
                for n, day in COMES.items()
                if KNOWN[n] <= after
            ),
            # The list of a day is no list of another: somebody always comes.
            {"patient_no": str(OTHERS[0]), "visited_on": DAY_0 + timedelta(days=after)},
        ],
        "observations": [
            {
                "patient_no": str(n),
                "observed_on": DAY_0 - timedelta(days=1),
                "item": item,
                "value": value,
                "unit": "mmHg",
            }
            for n in PATIENTS
            for item, value in (("sbp_mmhg", "150"), ("dbp_mmhg", "95"))
        ],
        "line_links": [
            {
                "line_user_id": user(n),
                "patient_no": str(n),
                "friend_status": "blocked" if BLOCKS.get(n, after + 1) <= after else "following",
                "consent_purposes": "checkup",
            }
            for n in PATIENTS
        ],
    }


def night(world: World, after: int) -> None:
    day = DAY_0 + timedelta(days=after)
    world.write("d15", day, rows(after))
    assert world.nightly(day, at(day, 10, 1)) == 0


def states(world: World) -> dict[str, int]:
    found = world.published(
        "d15", "select state, count(*) from scenario_positions where campaign ="
        f" '{CAMPAIGN}' group by state",
    )  # fmt: skip
    return {str(state): int(str(count)) for state, count in found}


@pytest.mark.long
def test_d15_three_steps_until_they_come_or_block(world: World) -> None:
    night(world, 0)
    assert world.received("d15") == {user(n): 1 for n in PATIENTS}
    # Nothing between the steps, and nothing twice on the day of one.
    night(world, 13)
    assert sum(world.received("d15").values()) == 20
    assert states(world) == {"active": 15, "goal": 4, "blocked": 1}
    night(world, 14)
    # The one who came on day 13 was not known to have come.
    assert world.received("d15")[user(7)] == 2
    assert sum(world.received("d15").values()) == 20 + 15
    night(world, 14)
    assert sum(world.received("d15").values()) == 20 + 15
    night(world, 15)
    assert states(world) == {"active": 14, "goal": 5, "blocked": 1}
    assert world.published(
        "d15",
        "select patient_id, goal_on, ended_on from scenario_positions where is_late",
    ) == [("7", DAY_0 + timedelta(days=13), DAY_0 + timedelta(days=15))]
    night(world, 30)
    received = world.received("d15")
    assert sum(received.values()) == 20 + 15 + 12
    assert {n for n in PATIENTS if received[user(n)] == 3} == set(range(9, 21))
    assert states(world) == {"active": 12, "goal": 6, "blocked": 2}
    one_each = "select count(*), count(distinct patient_id) from delivery_decisions"
    members = f"campaign = '{CAMPAIGN}' and standing = 'member'"
    assert world.published("d15", f"{one_each} where {members}") == [(20, 20)]
    # The days in which a visit still counts are over: every entry has ended in one way.
    night(world, 61)
    assert sum(world.received("d15").values()) == 47
    assert states(world) == {"completed": 12, "goal": 6, "blocked": 2}
    ends = "select count(*), count(distinct patient_id) from scenario_events where event in"
    assert world.published("d15", f"{ends} ('goal', 'blocked', 'completed')") == [(20, 20)]


@pytest.mark.long
def test_d15_who_came_since_the_night_is_known_from_the_list_of_the_morning(world: World) -> None:
    night(world, 0)
    day = DAY_0 + timedelta(days=14)
    world.write("d15", day - timedelta(days=1), rows(13))
    assert world.nightly(day, at(day, 2)) == 0
    late = rows(14)
    late["visits"] = [*late["visits"], {"patient_no": "20", "visited_on": day}]
    world.write("d15", day, late)
    assert world.send(day, at(day, 10, 1)) == 0
    received = world.received("d15")
    assert received[user(20)] == 1
    assert received[user(19)] == 2
