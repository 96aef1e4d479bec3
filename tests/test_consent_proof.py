"""What a clinic shows when somebody asks what they agreed to: wording, time, channel, event."""

import chat
from clinic_builder import user
from nights import MONDAY, World

from dagster_project.clinic import clinic_in
from dagster_project.conversation.events import parse
from dagster_project.insight.ask import ask_consents
from dagster_project.insight.consents import Proof, consents_of
from dagster_project.ledger.conversation import keep
from dagster_project.ledger.store import open_ledger

ONE = user(1)


def hear(world: World, *events: dict[str, object]) -> None:
    engine = open_ledger(world.settings(MONDAY).ledger())
    keep(engine, "good", [each.event for each in parse(chat.body(events))], chat.START)


def proofs(world: World) -> list[Proof]:
    settings = world.settings(MONDAY)
    found = consents_of(settings, clinic_in(settings.exports_dir, "good"), "0001")
    assert found is not None
    return found


def test_every_consent_and_withdrawal_has_its_wording_time_channel_and_event(
    planned: World,
) -> None:
    agreed = chat.tap("consent:v1:vaccine:yes", ONE, 5)
    stopped = chat.text("配信停止してください", ONE, 7)
    hear(planned, stopped, agreed, chat.tap("answer:a:v1:b:c", ONE, 6), chat.text("どうも", ONE, 8))
    listed = [each for each in proofs(planned) if each.how == "医院の一覧"]
    [granted, *withdrawn] = proofs(planned)[len(listed) :]
    where = "LINE good"
    assert granted == Proof(
        ONE,
        "vaccine",
        True,
        "2026-06-01 09:05:00",
        f"{where} タップ",
        "v1",
        str(agreed["webhookEventId"]),
    )
    assert {each.purpose for each in withdrawn} >= {"vaccine", "visit"}
    assert {(each.is_granted, each.at, each.how, each.record) for each in withdrawn} == {
        (False, "2026-06-01 09:07:00", f"{where} 「配信停止」", str(stopped["webhookEventId"]))
    }


def test_a_block_and_an_unlinking_are_withdrawals_too(planned: World) -> None:
    hear(planned, chat.event("unfollow", ONE, 1), chat.text("連携解除", ONE, 2))
    assert [each.how.split()[-1] for each in proofs(planned) if each.purpose == "visit"] == [
        "医院の一覧",
        "ブロック",
        "「連携解除」",
    ]


def test_a_consent_of_the_clinics_list_has_its_file_and_line(planned: World) -> None:
    [listed] = [each for each in proofs(planned) if each.purpose == "visit"]
    assert (listed.is_granted, listed.how) == (True, "医院の一覧")
    assert listed.record.startswith("line_links_20260601.csv:")


def test_the_command_prints_them_and_says_where_nobody_is_linked(planned: World) -> None:
    settings = planned.settings(MONDAY)
    assert ask_consents(settings, [], "1", planned._console()) == 0
    assert "受診のご案内" in planned.text()
    assert ONE not in planned.text(), "the account is shortened"
    assert ask_consents(settings, [], "99999", planned._console()) == 1
