"""Two charts of one person made one in the EMR: the link goes on, and one message goes out."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import chat
import pyarrow.parquet as pq
import pytest
import yaml
from clinic_builder import Row, clinic_yaml, user
from delivery_fixtures import Clock, Night, ScriptedLine, a_build, a_clinic, plan_rows
from nights import MONDAY, World, at

from dagster_project.clinic import load_clinic
from dagster_project.controls.veto import veto
from dagster_project.conversation.events import parse
from dagster_project.conversation.script import Script
from dagster_project.forget.command import run_forget
from dagster_project.ingest.reachability import reachable
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.ledger.conversation import accounts, issue_code, keep
from dagster_project.ledger.forgotten import read_forgotten
from dagster_project.ledger.holds import in_force, place
from dagster_project.ledger.store import open_ledger, reading, writing

SATURDAY, SUNDAY = MONDAY - timedelta(days=2), MONDAY - timedelta(days=1)


def rows() -> dict[str, list[Row]]:
    return {
        "patients": [{"patient_no": str(n), "sex": "male"} for n in range(2, 31)],
        "visits": [
            {"patient_no": str(n), "visited_on": "2025-10-01" if n < 5 else "2026-05-20"}
            for n in range(2, 31)
        ],
        "line_links": [
            # Both charts of one person, and the older chart alone of another.
            {"line_user_id": user(1), "patient_no": "101", "consent_purposes": "visit"},
            {"line_user_id": user(1), "patient_no": "2", "consent_purposes": "visit"},
            {"line_user_id": user(2), "patient_no": "00102", "consent_purposes": "visit"},
        ],
    }


def merge(world: World, *pairs: tuple[str, str]) -> None:
    merge_feed(world.exports / "good", *pairs)


def merge_feed(folder: Path, *pairs: tuple[str, str]) -> None:
    """Let a clinic export which charts were merged into which."""
    feed = {
        "files": "merges_{date}.csv",
        "format": "csv",
        "mode": "full",
        "encoding": "utf-8",
        "records": [{"dataset": "patient_merges", "columns": {"patient_no": "from",
                     "into_patient_no": "to", "merged_on": "on"}}],
    }  # fmt: skip
    declaration = clinic_yaml(folder.name)
    declaration["feeds"] = {**declaration["feeds"], "merges": feed}  # type: ignore[dict-item]
    (folder / "clinic.yaml").write_text(yaml.safe_dump(declaration), encoding="utf-8")
    lines = "".join(f"{old},{new},2026-05-31\n" for old, new in pairs)
    (folder / f"merges_{MONDAY:%Y%m%d}.csv").write_text(f"from,to,on\n{lines}", encoding="utf-8")


def test_a_merged_chart_keeps_its_link_and_its_person_hears_once(world: World) -> None:
    world.write("good", MONDAY, rows())
    merge(world, ("101", "2"), ("102", "0103"), ("103", "3"), ("104", "4"))
    engine = open_ledger(world.settings(MONDAY).ledger())
    code = issue_code(engine, "good", ["104"], "self", "reception", at(SUNDAY, 9))
    said = [chat.text(code, user(4), -600), chat.tap("consent:v1:visit:yes", user(4), -599)]
    keep(engine, "good", [each.event for each in parse(chat.body(said))], chat.START)
    assert world.nightly() == 0
    assert world.received("good") == {user(1): 1, user(2): 1, user(4): 1}
    night = world.published(
        "good", "select line_user_id, patient_id from stg_line_links order by 1"
    )
    assert night == [(user(1), "2"), (user(2), "3"), (user(4), "4")]
    place = world.settings(MONDAY)
    clinic = load_clinic(world.exports / "good" / "clinic.yaml")
    heard = snapshot(accounts(engine, "good", MONDAY, Script()))
    gate = reachable(place.landing_dir(), clinic, MONDAY, heard)
    assert gate is not None
    assert {(who, patient) for who, patient, _ in gate} == set(night)


def told_before(world: World, numbers: dict[str, str]) -> None:
    """Let accounts have heard of the campaign two days ago, under the chart numbers of then."""
    engine = open_ledger(world.settings(MONDAY).ledger())
    night = Night(
        engine,
        ScriptedLine(account="good"),
        Clock(at(SATURDAY, 10, 5)),
        a_clinic("good"),
        a_build(SATURDAY, "good"),
    )
    rows = [
        replace(row, patient_ids=numbers[row.line_user_id])
        for row in plan_rows(numbers, "lapsed_6_months", clinic_id="good")
    ]
    night.plan(rows)
    night.freeze(rows)
    assert night.send().accepted == len(rows)


@pytest.mark.long
def test_what_was_sent_and_what_was_vetoed_follow_a_merged_chart(world: World) -> None:
    before = rows()
    before["line_links"].append(
        {"line_user_id": user(4), "patient_no": "4", "consent_purposes": "visit"}
    )
    world.write("good", MONDAY, before)
    merge(world, ("101", "2"), ("102", "0103"), ("103", "3"))
    told_before(world, {user(1): "101", user(9): "104"})
    settings = world.settings(MONDAY)
    engine = open_ledger(settings.ledger())
    with writing(engine, "good") as con:
        for who in ("102", "104"):
            assert place(con, "good", "veto", "本人の希望", "佐藤", at(SUNDAY, 9), f"patient {who}")
    assert world.nightly() == 0
    # 104 is a chart of its own, of which nothing holds for 4.
    assert world.received("good") == {user(4): 1}
    decided = world.published(
        "good",
        "select patient_id, reason from delivery_decisions"
        " where campaign = 'lapsed_6_months' and patient_id in ('2', '3', '4') order by all",
    )
    assert decided == [("2", "already_this_cycle"), ("3", "suppressed"), ("4", "send")]

    def said(patient: str, *, withdrawn: bool) -> int:
        console = world._console()
        return veto(
            settings, None, patient, None, "佐藤", "本人の希望", console, is_withdrawn=withdrawn
        )

    def vetoed() -> list[str]:
        with reading(engine) as con:
            return [each.subject for each in in_force(con, "good", "veto")]

    # Staff know the number of today; whoever says the old one means the same chart.
    assert said("3", withdrawn=True) == 0
    assert vetoed() == ["patient 104"]
    assert said("3", withdrawn=True) == 1
    assert said("00102", withdrawn=False) == 0
    assert vetoed() == ["patient 104", "patient 3"]


def test_a_chart_number_links_by_what_is_published_tonight(planned: World) -> None:
    from dagster_project.conversation.chart import born_on  # noqa: PLC0415

    published = planned.settings(MONDAY).published_path("good")
    assert str(born_on(published, "2")) == "1970-03-02"
    assert born_on(published, "101") is None


@pytest.mark.long
@pytest.mark.parametrize("asked", ["3", "0102"])
def test_who_is_forgotten_is_forgotten_under_every_number(world: World, asked: str) -> None:
    """Asked by the number of today or by an old one: old exports name the old one alone."""
    before = rows()
    before["patients"].append({"patient_no": "102", "sex": "male"})
    world.write("good", SUNDAY, before)
    world.write("good", MONDAY, rows())
    merge(world, ("102", "0103"), ("103", "3"), ("104", "4"))
    assert world.nightly() == 0
    settings = world.settings(MONDAY)
    assert run_forget(settings, "good", asked, "山田", None, None, world._console()) == 0
    pairs = "select patient_id, into_patient_id from stg_patient_merges"
    assert world.published("good", pairs) == [("104", "4")]
    who = read_forgotten(open_ledger(settings.ledger()), "good", settings.forget_key_path())
    assert all(map(who.is_patient, ("102", "103", "3")))
    assert not any(map(who.is_patient, ("104", "4", "2")))
    assert who.is_account(user(2))
    for path in (settings.landing_dir() / "good").rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            numbers = {row.get(name) for name in ("patient_no", "into_patient_no")}
            assert not numbers & {"102", "00102", "103", "0103", "3"}, path
