"""What patients choose in the chat: stored once, a tag by morning, never over the EMR's word."""

import json
import logging
import random
import shutil
from collections import Counter
from datetime import date

import chat
import pytest
from clinic_builder import Row, user
from nights import MONDAY, World, at
from sqlalchemy import select
from webhook_service import Service, serving

from dagster_project.conversation.script import script_of
from dagster_project.ledger.tables import alert, audit
from dagster_project.settings import ROOT

SAMPLE = ROOT / "dagster_project" / "sample"
CHOSEN = ["internal"] * 180 + ["pediatrics"] * 60 + ["orthopedics"] * 30
FRIENDS = range(1, 301)
PARENT = 181  # the first adult who chose 小児科
CHILD = 301


def born(number: int) -> str:
    """Five of those who choose 小児科 are grown up, the others are children."""
    is_child = 180 < number <= 240 and number >= PARENT + 5
    return "2016-04-20" if is_child or number == CHILD else "1980-04-20"


def rows() -> dict[str, list[Row]]:
    numbers = [*FRIENDS, CHILD]
    return {
        "patients": [{"patient_no": str(n), "birth_date": born(n), "sex": "male"} for n in numbers],
        "visits": [{"patient_no": str(n), "visited_on": "2026-05-20"} for n in numbers],
        "line_links": [
            {"line_user_id": user(n), "patient_no": str(n), "linked_on": "2026-05-20"}
            for n in FRIENDS
        ],
    }


def deliver(service: Service, events: list[dict[str, object]], seed: int) -> None:
    """Deliver events in shuffled bodies of twenty."""
    shuffled = random.Random(seed).sample(events, len(events))  # noqa: S311
    for start in range(0, len(shuffled), 20):
        assert service.say(*shuffled[start : start + 20]) == 200


def asks(world: World) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    query = "select patient_id, tag from patient_tags where tag like 'asks_%' and state = 'has'"
    for patient, tag in world.published("good", query):
        found.setdefault(str(patient), set()).add(str(tag))
    return found


def conflicts(world: World) -> set[str]:
    rows = world.published("good", "select patient_id from answer_conflicts")
    return {str(patient) for (patient,) in rows}


def test_d2_answers_become_tags_and_grown_ups_who_ask_for_pediatrics_a_question(
    world: World,
) -> None:
    folder = world.write("good", MONDAY, rows())
    shutil.copytree(SAMPLE / "questionnaires", folder / "questionnaires")
    events = [chat.event("follow", user(n), -60 * 24) for n in FRIENDS]
    events += [
        chat.tap(f"answer:intake:v1:department:{choice}", user(n), -60 * 23)
        for n, choice in enumerate(CHOSEN, start=1)
    ]
    with serving(world.settings(MONDAY).ledger(), script_of(folder)[0]) as service:
        for seed in range(4):  # delivered, and redelivered three times
            deliver(service, events, seed)
        assert service.kept() == len(events)
        assert world.nightly() == 0
        held = asks(world)
        assert Counter(tag for tags in held.values() for tag in tags) == {
            "asks_internal_medicine": 180,
            "asks_pediatrics": 60,
            "asks_orthopedics": 30,
        }
        assert len(held) == 270
        assert {len(tags) for tags in held.values()} == {1}
        assert conflicts(world) == {str(PARENT + n) for n in range(5)}
        ages = world.published(
            "good", "select tag, count(*) from patient_tags where tag like 'age_%'"
            " and state = 'has' group by tag order by tag")  # fmt: skip
        assert dict(ages) == {"age_40_64": 245, "age_6_15": 56}, "the EMR's word stands"
        assert world.answers(MONDAY) == 0
        listed = [line.split()[0] for line in world.text().splitlines() if "age 46" in line]
        assert listed == [str(PARENT + n) for n in range(5)]
        # One of the five is linked to her child: she asked for the child.
        (folder / "line_links_20260602.csv").unlink(missing_ok=True)
        more = rows()
        more["line_links"].append(
            {"line_user_id": user(PARENT), "patient_no": str(CHILD), "relation": "parent",
             "linked_on": "2026-06-01"})  # fmt: skip
        tuesday = date(2026, 6, 2)
        world.write("good", tuesday, more)
        assert world.nightly(tuesday) == 0
        assert conflicts(world) == {str(PARENT + n) for n in range(1, 5)}
        assert str(PARENT) not in asks(world)
    world.review(tuesday)
    assert "本人の答えと記録が合わない 4 人" in world.text()


def test_d17_many_wishes_are_a_proposal_stops_count_at_once_and_emergencies_reach_staff(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    folder = world.write("good", MONDAY, lapsed())
    shutil.copytree(SAMPLE / "questionnaires", folder / "questionnaires")
    early = -9 * 60 + 60
    wishing, stopping, urgent = range(1, 38), range(38, 44), range(44, 46)
    events = [chat.tap("answer:voice:v1:wish:saturday_checkup", user(n), early) for n in wishing]
    events += [chat.text("配信停止", user(n), early) for n in stopping]
    events += [
        {**chat.text("昨日から胸が痛いです", user(n), early), "replyToken": f"r{n}"} for n in urgent
    ]
    events += [chat.tap("answer:voice:v1:wish:no_wish", user(n), early) for n in range(46, 121)]
    with serving(world.settings(MONDAY).ledger(), script_of(folder)[0]) as service:
        deliver(service, events, seed=1)
        deliver(service, events, seed=2)
        with service.engine.connect() as con:
            told = con.execute(select(audit.c.kind, audit.c.subject)).all()
        replies = [json.dumps(each, ensure_ascii=False) for _, each in service.answers.given]
    assert sorted(told) == sorted(("urgent_message", user(n)) for n in urgent)
    assert len(replies) == 2
    assert all("119" in each for each in replies)
    assert world.nightly(moment=at(MONDAY, 10, 1)) == 0
    received = set(world.received("good"))
    assert received
    assert not received & {user(n) for n in stopping}
    agreed = "select count(*) from stg_line_links where consent_purposes <> ''"
    assert world.published("good", agreed) == [(120 - 6,)]
    proposed = world.published("good", "select proposed_tag, people, status, owner from"
                               " proposed_tags")  # fmt: skip
    assert proposed == [("wish_saturday_checkup", 37, "proposed", None)]
    evidence = world.published("good", "select count(distinct evidence_file_id), count(*) from"
                               " proposed_tag_evidence")  # fmt: skip
    assert evidence == [(37, 37)]
    assert world.published("good", "select * from patient_tags where tag like 'wish%'") == []
    assert "胸が痛い" not in caplog.text + world.text()
    assert world.voice(MONDAY) == 0
    assert "土曜の検診希望" in world.text()
    assert "少数のため非表示" not in world.text()
    world.review(MONDAY)
    assert "土曜の検診希望" in world.text()


def lapsed() -> dict[str, list[Row]]:
    numbers = range(1, 121)
    return {
        "patients": [{"patient_no": str(n), "sex": "male"} for n in numbers],
        "visits": [
            {"patient_no": str(n), "visited_on": "2025-10-01" if n < 60 else "2026-05-20"}
            for n in numbers
        ],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in numbers],
    }


@pytest.mark.long
def test_a_typo_in_a_questionnaire_leaves_yesterdays_tags_and_says_where(world: World) -> None:
    tuesday = date(2026, 6, 2)
    few: dict[str, list[Row]] = {"patients": [{"patient_no": "1"}], "visits": []}
    few["line_links"] = [{"line_user_id": user(1), "patient_no": "1"}]
    folder = world.write("good", MONDAY, few)
    shutil.copytree(SAMPLE / "questionnaires", folder / "questionnaires")
    tap = chat.tap("answer:intake:v1:department:internal", user(1), -60)
    with serving(world.settings(MONDAY).ledger(), script_of(folder)[0]) as service:
        assert service.say(tap) == 200
        assert world.nightly() == 0
        world.write("good", tuesday, few)
        path = folder / "questionnaires" / "intake.yaml"
        good = path.read_text(encoding="utf-8")
        path.write_text(good.replace("next: influenza", "next: nowhere"), encoding="utf-8")
        assert world.nightly(tuesday) != 0
        assert asks(world) == {"1": {"asks_internal_medicine"}}
        with service.engine.connect() as con:
            [told] = con.execute(select(alert.c.text).where(alert.c.kind != "webhook")).scalars()
        assert "questionnaires/intake.yaml:17" in told
        assert "questionnaires/intake.yaml:17" in world.text()
        path.write_text(good, encoding="utf-8")
        # What is wrong in the replies decides no tag, and costs no night.
        (folder / "replies.yaml").write_text("replies: 3\n", encoding="utf-8")
        assert world.nightly(tuesday) == 0
    lost = "select * from tag_events where tag = 'asks_internal_medicine' and event = 'lost'"
    assert world.published("good", lost) == []


@pytest.mark.long
def test_every_choice_of_several_is_a_tag_and_counts_in_the_results(world: World) -> None:
    few: dict[str, list[Row]] = {
        "patients": [{"patient_no": str(n), "sex": "male"} for n in range(1, 13)],
        "visits": [],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in range(1, 13)],
    }
    folder = world.write("good", MONDAY, few)
    shutil.copytree(SAMPLE / "questionnaires", folder / "questionnaires")
    path = folder / "questionnaires" / "intake.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    choices:", "    choose: several\n    choices:", 1), "utf-8")
    # Two choose both, ten one of the two; the last has not ended the choosing.
    taps = {n: ["internal", "dermatology"] if n < 3 else ["internal"] for n in range(1, 13)}
    events = [
        chat.tap(f"pick:intake:v1:department:{each}", user(n), -60 + at)
        for n, chosen in taps.items()
        for at, each in enumerate(chosen)
    ] + [chat.tap("done:intake:v1:department", user(n), -50) for n in range(1, 12)]
    with serving(world.settings(MONDAY).ledger(), script_of(folder)[0]) as service:
        deliver(service, [*events, *events[:5]], 7)
        assert world.nightly() == 0
    both = {"asks_internal_medicine", "asks_dermatology"}
    assert asks(world) == {"1": both, "2": both} | {
        str(n): {"asks_internal_medicine"} for n in range(3, 12)
    }
    told = "select label, people, is_suppressed from answer_results where tag is null order by 1"
    assert world.published("good", told) == [("内科", 11, False), ("皮膚科", None, True)]
