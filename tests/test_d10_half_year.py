"""Acceptance D10: a check-up every half year, by calendar months."""

from datetime import date

from clinic_builder import Row, user
from nights import MONDAY, World

MAY_20 = date(2026, 5, 20)
LAST = {
    1: date(2025, 11, 30),
    2: date(2025, 12, 1),
    3: date(2025, 12, 2),  # due tomorrow
    4: date(2025, 8, 31),  # due since 28 February, which has no 31st
    5: date(2025, 11, 30),  # booked
    6: date(2025, 11, 20),  # written to on 20 May
}


def rows(linked: set[int], exported_on: date) -> dict[str, list[Row]]:
    # Somebody comes every day: an export that says the same again would be yesterday's.
    visits = [*LAST.items(), (9, exported_on)]
    return {
        "patients": [{"patient_no": f"{n:05d}"} for n, _ in visits],
        "visits": [{"patient_no": f"{n:05d}", "visited_on": day} for n, day in visits],
        "conditions": [
            {"patient_no": f"{n:05d}", "code": "8833421", "started_on": "2025-04-01"} for n in LAST
        ],
        "observations": [
            {"patient_no": f"{n:05d}", "observed_on": day, "item": item, "value": value}
            for n, day in LAST.items()
            for item, value in (("waist_cm", 80), ("sbp_mmhg", 128))
        ],
        "appointments": [{"patient_no": "00005", "scheduled_on": "2026-06-10"}],
        "line_links": [
            {"line_user_id": user(n), "patient_no": f"{n:05d}", "consent_purposes": "lifestyle"}
            for n in sorted(linked)
        ],
    }


def test_d10_three_of_six_are_due_and_hear_of_it(world: World) -> None:
    world.write("d10", MAY_20, rows({6}, MAY_20))
    assert world.nightly(MAY_20) == 0
    assert world.received("d10") == {user(6): 1}
    world.write("d10", MONDAY, rows(set(LAST), MONDAY))
    assert world.nightly(MONDAY) == 0
    decided = world.published(
        "d10",
        "select patient_id, reason, due_on, because_on from delivery_decisions"
        " where campaign = 'lifestyle_checkup' order by patient_id",
    )
    assert decided == [
        ("1", "send", date(2026, 5, 30), None),
        ("2", "send", MONDAY, None),
        ("3", "not_due", date(2026, 6, 2), date(2026, 6, 2)),
        ("4", "send", date(2026, 2, 28), None),
        ("5", "booked", date(2026, 5, 30), date(2026, 6, 10)),
        ("6", "already_this_cycle", MAY_20, MAY_20),
        ("9", "unknown", None, None),  # the waist of the visitor of the day is not on record
    ]
    assert world.received("d10") == {user(n): 1 for n in (1, 2, 4, 6)}
