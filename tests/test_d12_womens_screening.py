"""Acceptance D12: seven patients, three messages, each the same for whatever is due."""

import json

from clinic_builder import user, write_clinic
from nights import MONDAY, World

from dagster_project.insight.bubble import banner

PEOPLE = {
    1: ("female", "1981-01-01"),  # 45, never screened
    2: ("female", "1981-01-01"),  # 45, mammography last year
    3: ("female", "2003-01-01"),  # 23
    4: ("female", "2007-01-01"),  # 19
    5: ("female", "1976-01-01"),  # 50, under treatment
    6: ("unknown", "1981-01-01"),  # sex not recorded
    7: ("male", "1981-01-01"),
}


def test_d12_three_women_hear_of_one_message_and_nobody_under_treatment(world: World) -> None:
    write_clinic(
        world.exports,
        "d12",
        MONDAY,
        {
            "patients": [
                {"patient_no": str(n), "sex": sex, "birth_date": born}
                for n, (sex, born) in PEOPLE.items()
            ],
            "visits": [{"patient_no": str(n), "visited_on": "2026-04-20"} for n in PEOPLE],
            "observations": [
                {"patient_no": "2", "observed_on": "2025-03-10", "item": "mammography", "value": 1}
            ],
            # By the clinic's list, with the code that claims have.
            "conditions": [{"patient_no": "5", "code": "1749008", "started_on": "2026-01-15"}],
            "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in PEOPLE],
        },
        screenings=["breast", "cervical"],
    )
    assert world.nightly() == 0
    assert world.received("d12") == {user(n): 1 for n in (1, 2, 3)}
    decided = world.published(
        "d12",
        "select patient_id, reason, evidence from delivery_decisions"
        " where campaign = 'womens_screening' order by patient_id",
    )
    both = "breast_screening_due, cervical_screening_due"
    assert decided == [
        ("1", "send", both),
        ("2", "send", "cervical_screening_due"),
        ("3", "send", "cervical_screening_due"),
        # Nobody knows, and nobody guesses: counted, not written to.
        ("6", "unknown", None),
    ]
    unknown = "select patients from delivery_waterfall where reason = 'unknown'"
    assert world.published("d12", f"{unknown} and campaign = 'womens_screening'") == [(1,)]
    said = {json.dumps(each["messages"]) for each in world.simulator.state.channel("d12").inbox}
    (only,) = said
    (message,) = json.loads(only)
    assert banner(message) == "クリニックからのお知らせ"
    assert "健診の時期" in json.dumps(message, ensure_ascii=False)
