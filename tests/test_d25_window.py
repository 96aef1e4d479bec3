"""Acceptance D25 and the caps: when a message may leave, and how many."""

from datetime import date

import pytest
from clinic_builder import Row, user, write_clinic
from nights import World, at, written_to

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 3), date(2026, 6, 4), date(2026, 6, 5)
STAYS, CAME, WITHDREW = written_to("d25", "visit", 3)


def lapsed(**changes: list[Row]) -> dict[str, list[Row]]:
    people = (STAYS, CAME, WITHDREW)
    return {
        "patients": [{"patient_no": str(n)} for n in people],
        "visits": [{"patient_no": str(n), "visited_on": "2025-11-10"} for n in people],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in people],
        **changes,
    }


def reasons(world: World) -> dict[object, tuple[object, object]]:
    rows = world.published(
        "d25",
        "select patient_id, reason, because_on from delivery_decisions"
        " where campaign = 'lapsed_6_months'",
    )
    return {patient: (reason, day) for patient, reason, day in rows}


def test_d25_late_on_wednesday_closed_on_thursday_sent_once_on_friday(world: World) -> None:
    world.write("d25", WEDNESDAY, lapsed())
    assert world.nightly(WEDNESDAY, at(WEDNESDAY, 23, 40)) == 0
    assert {reason for reason, _ in reasons(world).values()} == {"send"}
    assert world.calls("d25") == 0
    assert "送信時間外" in world.text()

    assert world.nightly(THURSDAY, at(THURSDAY, 10, 5)) == 0
    assert set(reasons(world).values()) == {("quiet_or_closed", FRIDAY)}
    assert world.calls("d25") == 0

    # Friday's lists know of a visit on Wednesday and of a consent that was withdrawn.
    visits = [*lapsed()["visits"], {"patient_no": str(CAME), "visited_on": WEDNESDAY}]
    links = [
        {**each, "consent_purposes": ""} if each["patient_no"] == str(WITHDREW) else each
        for each in lapsed()["line_links"]
    ]
    world.write("d25", FRIDAY, lapsed(visits=visits, line_links=links))
    assert world.nightly(FRIDAY, at(FRIDAY, 2)) == 0
    assert reasons(world) == {
        str(STAYS): ("send", None),
        str(CAME): ("visited_recently", WEDNESDAY),
        str(WITHDREW): ("no_consent", None),
    }
    assert world.send(FRIDAY, at(FRIDAY, 9, 59)) == 0
    assert world.calls("d25") == 0
    for minute in (0, 10):
        assert world.send(FRIDAY, at(FRIDAY, 10, minute)) == 0
    assert world.received("d25") == {user(STAYS): 1}


@pytest.mark.long
def test_a_clinic_s_own_cap_counts_the_messages_of_a_month_across_campaigns(world: World) -> None:
    """One message a month: the lifestyle check-up goes first, and the visit waits for July."""
    (who,) = written_to("caps", "visit", 1)
    rows = {
        "patients": [{"patient_no": str(who)}],
        "visits": [{"patient_no": str(who), "visited_on": "2025-11-10"}],
        "conditions": [{"patient_no": str(who), "code": "8833421", "started_on": "2025-04-01"}],
        "line_links": [{"line_user_id": user(who), "patient_no": str(who)}],
    }
    query = "select campaign, reason, because_on from delivery_decisions order by campaign"
    for day in (WEDNESDAY, FRIDAY):
        write_clinic(world.exports, "caps", day, rows, contact={"max_messages_a_month": 1})
        assert world.nightly(day) == 0
        decided = world.published("caps", f"{query}")
        lapsed_reason = next(row for row in decided if row[0] == "lapsed_6_months")
        expected = ("other_message_today", None) if day == WEDNESDAY else ("cap", date(2026, 7, 1))
        assert lapsed_reason[1:] == expected
    assert world.received("caps") == {user(who): 1}
