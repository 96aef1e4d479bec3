"""Nobody hears of the same thing twice in a day, and nobody goes without for another's sake."""

from datetime import timedelta

import pytest
from clinic_builder import user
from nights import MONDAY, World, at, written_to
from test_d8_vaccination import NUMBER, PARENT, decided, seven_children, told

from dagster_project.ledger.holds import place
from dagster_project.ledger.store import open_ledger, writing

TUESDAY = MONDAY + timedelta(days=1)


@pytest.mark.long
def test_a_veto_on_one_child_leaves_the_sibling_a_message_and_one_on_a_campaign_nobody(
    world: World,
) -> None:
    rows = seven_children()
    lapsed = written_to("d8", "visit", 2, first=8)
    rows["patients"] += [{"patient_no": str(n)} for n in lapsed]
    rows["visits"] += [{"patient_no": str(n), "visited_on": "2025-10-01"} for n in lapsed]
    rows["line_links"] += [{"line_user_id": user(n), "patient_no": str(n)} for n in lapsed]
    world.write("d8", MONDAY, rows)
    engine = open_ledger(world.settings(MONDAY).ledger())
    with writing(engine, "d8") as con:
        subject, night = f"patient {NUMBER['A']}", at(MONDAY, 1)
        assert place(con, "d8", "veto", "本人の希望", "佐藤", night, subject)
        assert place(con, "elsewhere", "veto", "別の医院", "佐藤", night, f"patient {NUMBER['D']}")
        assert place(con, "d8", "veto", "在庫", "佐藤", night, "campaign lapsed_6_months")
    assert world.nightly() == 0
    reasons = {name: reason for name, (reason, _) in decided(world).items()}
    assert {reasons[name] for name in "GDE"} == {"send"}
    assert reasons["A"] == "suppressed"
    (text,) = told(world, "d8")[PARENT["G"]]
    assert "名の接種" not in text
    # The whole campaign: it is the reason of all its people, and of nobody else.
    assert set(told(world, "d8")) == {PARENT[name] for name in "GDE"}
    query = "select patient_id, reason from delivery_decisions where campaign = 'lapsed_6_months'"
    vetoed = {who for who, reason in world.published("d8", query) if reason == "vetoed"}
    assert vetoed == {str(n) for n in lapsed}


@pytest.mark.long
def test_who_changes_phones_during_the_day_is_not_written_to_on_the_new_one(world: World) -> None:
    (who,) = written_to("phones", "visit", 1)
    rows = {
        "patients": [{"patient_no": str(n)} for n in (who, who + 1)],
        "visits": [
            {"patient_no": str(who), "visited_on": "2025-10-01"},
            {"patient_no": str(who + 1), "visited_on": "2026-05-20"},
        ],
        "line_links": [{"line_user_id": user(1), "patient_no": str(who)}],
    }
    world.write("phones", MONDAY, rows)
    assert world.nightly() == 0
    assert world.received("phones") == {user(1): 1}
    world.write(
        "phones",
        MONDAY,
        rows | {"line_links": [{"line_user_id": user(2), "patient_no": str(who)}]},
    )
    assert world.nightly(MONDAY, at(MONDAY, 11)) == 0
    assert world.received("phones") == {user(1): 1}
    query = "select line_user_id, reason from delivery_decisions where campaign = 'lapsed_6_months'"
    assert (user(2), "already_this_cycle") in world.published("phones", query)
