"""Acceptance D8: seven children, six parents, three messages, and none of them says of what."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from clinic_builder import Row, user
from nights import MONDAY, World, at

from dagster_project.clinic import clinic_in
from dagster_project.insight.morning import read_morning
from dagster_project.insight.morning_page import write_morning
from dagster_project.ledger.store import open_ledger
from dagster_project.line.messages import revealing, texts

BORN = {
    "A": date(2025, 5, 20),  # no MR
    "B": date(2025, 5, 20),  # MR given a week ago
    "C": date(2025, 7, 1),  # not yet one year old
    "D": date(2024, 6, 15),  # has thirteen days left
    "E": date(2020, 9, 10),  # the year before school
    "F": date(2025, 4, 10),  # had another live vaccine
    "G": date(2025, 5, 20),  # twin of A
}
NUMBER = {name: str(number) for number, name in enumerate(BORN, 1)}
PARENT = {name: user(number) for number, name in enumerate("ABCDEF", 1)} | {"G": user(1)}
GIVEN = [("B", "MR", date(2026, 5, 25)), ("E", "MR", date(2021, 10, 1)),
         ("F", "水痘", date(2026, 5, 20))]  # fmt: skip


def seven_children() -> dict[str, list[Row]]:
    return {
        "patients": [
            {"patient_no": NUMBER[name], "sex": "male", "birth_date": born}
            for name, born in BORN.items()
        ],
        "visits": [{"patient_no": NUMBER["A"], "visited_on": "2026-04-01"}],
        "immunizations": [
            {"patient_no": NUMBER[name], "vaccine": vaccine, "given_on": day, "dose_no": 1}
            for name, vaccine, day in GIVEN
        ],
        "line_links": [
            {"line_user_id": PARENT[name], "patient_no": NUMBER[name], "relation": "parent"}
            for name in BORN
        ],
    }


def words(message: Mapping[str, object]) -> str:
    """Return what a message says, a line for each of its texts, the banner's first."""
    return "\n".join(
        said for path, said in texts(message) if path.rpartition(".")[2] in {"altText", "text"}
    )


def told(world: World, clinic_id: str) -> dict[str, list[str]]:
    """Return the texts on each phone."""
    phones: dict[str, list[str]] = {}
    for each in world.simulator.state.channel(clinic_id).inbox:
        phones.setdefault(each["user"], []).extend(map(words, each["messages"]))
    return phones


def decided(world: World) -> dict[str, tuple[object, object]]:
    rows = world.published(
        "d8",
        "select patient_id, reason, because_on from delivery_decisions"
        " where campaign = 'vaccination'",
    )
    names = {number: name for name, number in NUMBER.items()}
    return {names[str(patient)]: (reason, day) for patient, reason, day in rows}


def test_d8_four_children_are_due_three_messages_leave_and_one_child_is_scheduled(
    world: World,
) -> None:
    world.write("d8", MONDAY, seven_children())
    assert world.nightly() == 0
    assert {name: reason for name, (reason, _) in decided(world).items()} == {
        "A": "send", "G": "send", "D": "send", "E": "send",
        # Chickenpox of B waits for the live vaccine of last week.
        "B": "not_due", "C": "not_due", "F": "not_due",
    }  # fmt: skip
    assert decided(world)["F"] == ("not_due", date(2026, 6, 17))
    phones = told(world, "d8")
    assert {who: len(texts) for who, texts in phones.items()} == {PARENT[name]: 1 for name in "ADE"}
    assert world.calls("d8") == 3
    (twins,), (urgent,), (plain,) = (phones[PARENT[name]] for name in "ADE")
    assert "お子さま2名" in twins
    assert "終わりが近い" in urgent
    assert {text.splitlines()[0] for text in (twins, urgent, plain)} == {"クリニックからのお知らせ"}
    assert "名" not in plain.splitlines()[2]
    assert "終わりが近い" not in twins + plain
    assert [revealing(text) for text in (twins, urgent, plain)] == [[], [], []]


@pytest.mark.long
def test_d8_time_is_short_from_fourteen_days_before_the_last_day(world: World) -> None:
    # The last day is the one before the second birthday.
    left = {"1": 15, "2": 14, "3": 0}
    born = {who: date(2024, 6, 2) + timedelta(days=days) for who, days in left.items()}
    rows: dict[str, list[Row]] = {
        "patients": [
            {"patient_no": who, "sex": "male", "birth_date": day} for who, day in born.items()
        ],
        "visits": [{"patient_no": who, "visited_on": "2026-04-01"} for who in born],
        "line_links": [
            {"line_user_id": user(int(who)), "patient_no": who, "relation": "parent"}
            for who in born
        ],
    }
    world.write("d8", MONDAY, rows)
    assert world.nightly() == 0
    said = world.published(
        "d8",
        "select patient_id, is_urgent from delivery_decisions where campaign = 'vaccination'"
        " order by 1",
    )
    assert said == [("1", False), ("2", True), ("3", True)]


@pytest.mark.long
def test_d8_of_two_siblings_only_who_is_sent_is_counted(world: World) -> None:
    """The twin is booked; her sister alone is written for, and a brother near his last day."""
    rows = seven_children()
    rows["appointments"] = [{"patient_no": NUMBER["G"], "scheduled_on": "2026-06-10"}]
    world.write("d8", MONDAY, rows)
    assert world.nightly() == 0
    assert decided(world)["G"] == ("booked", date(2026, 6, 10))
    (text,) = told(world, "d8")[PARENT["A"]]
    assert "2名" not in text
    # With a brother whose time is short it is two again, and urgent.
    rows["line_links"] = [
        {**each, "line_user_id": PARENT["A"]} if each["patient_no"] == NUMBER["D"] else each
        for each in rows["line_links"]
    ]
    world.write("d8b", MONDAY, rows)
    assert world.nightly(clinics=["d8b"]) == 0
    (text,) = told(world, "d8b")[PARENT["A"]]
    assert "お子さま2名" in text
    assert "終わりが近い" in text


@pytest.mark.long
def test_the_morning_sheet_shows_each_text_that_leaves_and_how_many_get_it(world: World) -> None:
    world.write("d8", MONDAY, seven_children())
    settings = world.settings(MONDAY, at(MONDAY, 3))
    assert world.nightly(MONDAY, at(MONDAY, 3)) == 0
    path = write_morning(settings, clinic_in(settings.exports_dir, "d8"))
    assert path is not None
    page = path.read_text(encoding="utf-8")
    morning = read_morning(
        settings.published_path("d8"),
        open_ledger(settings.ledger()),
        settings.dbt_dir / "campaigns",
        MONDAY,
        None,
    )
    assert morning is not None
    (vaccination,) = (each for each in morning.campaigns if each.name == "vaccination")
    assert vaccination.trouble is None
    shown = {words(text.messages[0]): text.accounts for text in vaccination.texts}
    assert all(line in page for text in shown for line in text.splitlines())
    assert "{children}" not in page
    assert world.send(MONDAY, at(MONDAY, 10, 1)) == 0
    sent = Counter(text for texts in told(world, "d8").values() for text in texts)
    assert shown == sent
    assert len(shown) == 3
    numbered = {
        each.patients[0][0]: words(vaccination.texts[each.text].messages[0])
        for each in vaccination.recipients
    }
    assert "お子さま2名" in str(numbered[NUMBER["A"]])
    assert "終わりが近い" in str(numbered[NUMBER["D"]])
