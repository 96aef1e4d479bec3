"""A job that fails is told to staff at once: what stopped it, and nothing anybody must not read."""

import pytest
from clinic_builder import user
from delivery_fixtures import rows_of
from nights import MONDAY, World, at

from dagster_project.ledger.chat_tables import staff_alert
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import alert

SECRET = f"{user(1)} 胸が痛い"


def told(world: World) -> list[str]:
    rows = rows_of(open_ledger(world.settings(MONDAY).ledger()), alert)
    return [str(each["text"]) for each in rows if each["kind"] == "failed"]


def test_a_send_that_line_forbids_is_told_once_a_day_and_waits_for_whoever_carries_it(
    planned: World,
) -> None:
    path = planned.exports / "good" / "clinic.yaml"
    with path.open("a", encoding="utf-8") as file:
        file.write("alerts: {mail: staff@clinic.example}\n")
    planned.simulator.state.channel("good").faults = ["403_forbidden"] * 9
    for minute in (1, 11):
        assert planned.send(MONDAY, at(MONDAY, 10, minute)) == 1
    (text,) = told(planned)
    assert "2026-06-01: 送信が line_delivery で止まりました。sending stopped early" in text
    carried = rows_of(open_ledger(planned.settings(MONDAY).ledger()), staff_alert)
    assert [each["target"] for each in carried if each["kind"] == "failed"] == ["mail"]


def test_of_an_error_nobody_expected_only_its_name_is_told(
    planned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("dagster_project.assets.line.wordings", fails)
    assert planned.send(MONDAY, at(MONDAY, 10, 1)) == 1
    (text,) = told(planned)
    assert "RuntimeError" in text
    assert "胸" not in text
    assert user(1) not in text


def test_a_job_that_does_what_it_should_is_not_worth_a_word(planned: World) -> None:
    assert planned.send(MONDAY, at(MONDAY, 10, 1)) == 0
    assert told(planned) == []
