"""The morning sheet: what it says of a night, that it asks nothing of the network, its hour."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from delivery_fixtures import rows_of
from nights import MONDAY, World, at

from dagster_project.clinic import Alerts, Clinic, clinic_in
from dagster_project.definitions import definitions
from dagster_project.delivery.approval import campaigns_in
from dagster_project.insight.bubble import banner, bubble
from dagster_project.insight.flow import flow_of
from dagster_project.insight.morning import Morning, read_morning
from dagster_project.insight.morning_note import morning_note
from dagster_project.insight.morning_page import morning_path, write_morning
from dagster_project.insight.summary import WaterfallStep
from dagster_project.ledger.approvals import Wish, approve
from dagster_project.ledger.chat_tables import staff_alert
from dagster_project.ledger.holds import EVERY_CLINIC, place
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.line.messages import texts
from dagster_project.runner import open_instance
from dagster_project.settings import ROOT, Settings

SAMPLE = ROOT / "exports"
LAPSED = "lapsed_6_months"


@pytest.fixture(scope="module")
def lived(begin: Callable[[], World]) -> World:
    world = begin()
    shutil.copytree(SAMPLE / "aozora", world.exports / "aozora")
    settings = world.settings(MONDAY, at(MONDAY, 3))
    assert world.nightly(MONDAY, at(MONDAY, 3)) == 0
    assert str(morning_path(settings, "aozora")) in world.text()
    return world


@pytest.fixture
def early(lived: World, tmp_path: Path) -> Settings:
    """Return the surroundings of a bundled clinic's night, long before its window opens."""
    return lived.copy(tmp_path / "world").settings(MONDAY, at(MONDAY, 3))


def sheet_of(settings: Settings, *, is_live: bool = False) -> Morning | None:
    return read_morning(
        settings.published_path("aozora"),
        open_ledger(settings.ledger()),
        settings.dbt_dir / "campaigns",
        MONDAY,
        100,
        is_live=is_live,
    )


def test_the_sheet_says_who_why_what_and_what_was_cut(early: Settings) -> None:
    clinic = clinic_in(early.exports_dir, "aozora")
    path = write_morning(early, clinic)
    assert path is not None
    page = path.read_text(encoding="utf-8")
    morning = sheet_of(early)
    assert morning is not None
    assert morning.accounts == morning.waiting > 0
    assert (morning.used, morning.left) == (0, 100)
    for campaign in morning.campaigns:
        assert campaign.label_ja in page
        written = campaign.flow.sent
        assert campaign.flow.members == written + sum(each.taken for each in campaign.flow.falls)
        named = [each for to in campaign.recipients for each in to.patients]
        assert len(named) == written
        assert all(why for _, why in named), campaign.name
        assert campaign.trouble is None
        assert sum(text.accounts for text in campaign.texts) == len(campaign.recipients)
        for text in campaign.texts:
            for message in text.messages:
                for path, said in texts(message):
                    if path.endswith((".text", ".altText")):
                        assert all(line in page for line in said.split("\n"))
    assert "LINE未連携" in page
    assert "送信時間 10:00〜" in page
    # Why is said in the words of the staff, with the file and the line it was read from.
    whys = [why for each in morning.campaigns for to in each.recipients for _, why in to.patients]
    assert all(re.fullmatch(r"\S.*: .*\[\S+:\d+\]", line) for why in whys for line in why)
    assert not any(re.search(r"days left|claim months|_cm|from \d|stg_", str(why)) for why in whys)
    assert "古いデータ" not in page
    for network in ("http://", "https://", "src=", "<script", "@import"):
        assert network not in page
    for secret in ("U0", "生年月日"):
        assert secret not in page


def test_an_old_night_and_a_short_month_are_said(early: Settings) -> None:
    clinic = clinic_in(early.exports_dir, "aozora")
    tuesday = early.model_copy(update={"business_day": MONDAY + timedelta(days=1)})
    poor = clinic.model_copy(update={"line": clinic.line.model_copy(update={"monthly_limit": 1})})
    path = write_morning(tuesday, poor)
    assert path is not None
    page = path.read_text(encoding="utf-8")
    assert "古いデータです" in page
    assert "今月の残り 1 通に対し" in page
    rich = write_morning(early, clinic)
    assert rich is not None
    assert "に対し送信待ち" not in rich.read_text(encoding="utf-8")
    assert write_morning(early, clinic.model_copy(update={"clinic_id": "nowhere"})) is None
    assert _asked(early, at(MONDAY, 7, 30)) == ["aozora"]
    assert _asked(early, at(MONDAY + timedelta(days=1), 7, 30)) == []


def test_the_sheet_says_what_a_person_holds_back(early: Settings) -> None:
    clinic, now = clinic_in(early.exports_dir, "aozora"), at(MONDAY, 7)
    with writing(open_ledger(early.ledger()), "aozora") as con:
        assert place(con, "aozora", "veto", "電話で希望", "佐藤", now, "patient 77")
        assert place(con, EVERY_CLINIC, "stop", "点検", "佐藤", now)
        assert place(con, "elsewhere", "veto", "よその医院", "佐藤", now, "patient 78")
    path = write_morning(early, clinic)
    assert path is not None
    page = path.read_text(encoding="utf-8")
    assert "差し止め中: 患者 77: 電話で希望" in page
    assert "配信は人の手で止められています" in page
    assert "よその医院" not in page


def test_the_sheet_says_in_the_morning_what_waits_for_an_approval(early: Settings) -> None:
    def held(*, is_live: bool) -> list[str]:
        found = sheet_of(early, is_live=is_live)
        assert found is not None
        return list(found.held_back)

    assert held(is_live=False) == []
    waits = held(is_live=True)
    assert [each for each in waits if f"`tagline approve {LAPSED} --by" in each]
    ((_, version),) = campaigns_in(early.dbt_dir / "campaigns")[LAPSED].contents
    with writing(open_ledger(early.ledger()), "aozora") as con:
        wish = Wish((LAPSED, version), "鈴木", "佐藤")
        approve(con, "aozora", wish, MONDAY, at(MONDAY, 7))
    assert len(held(is_live=True)) == len(waits) - 1


def test_staff_get_a_note_of_the_sheet_once_from_half_past_seven_on(early: Settings) -> None:
    clinic = clinic_in(early.exports_dir, "aozora")
    told = clinic.model_copy(update={"alerts": Alerts(mail="staff@clinic.example")})

    def notes(hour: int, minute: int, of: Clinic = told) -> list[str]:
        here = early.model_copy(update={"at": at(MONDAY, hour, minute)})
        assert write_morning(here, of) is not None
        rows = rows_of(open_ledger(early.ledger()), staff_alert)
        return [str(each["text"]) for each in rows if each["kind"] == "morning"]

    assert notes(7, 29) == notes(7, 30, clinic) == []
    (note,) = notes(7, 30)
    assert notes(7, 40) == [note]
    assert str(morning_path(early, "aozora")) in note
    failed = "select count(*), count(*) filter (severity = 'blocking') from checks.verdicts"
    ((count, holding),) = asked(early, f"{failed} where not is_passed")
    assert f"不合格の検査 {count} 件 (うち配信を止めるもの {holding} 件)" in note
    planned = waterfall(early)
    for label, members, sent in planned:
        assert f"- {label}: 対象 {members:,} 人 → " in note
        assert sent <= members
    # What changes meanwhile is a note of its own.
    with writing(open_ledger(early.ledger()), "aozora") as con:
        assert place(con, "aozora", "veto", "電話で希望", "佐藤", at(MONDAY, 7), "patient 77")
    first, second = notes(7, 50)
    assert first == note
    assert "差し止め中: 患者 77" in second


def asked(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.published_path("aozora")), read_only=True) as con:
        return con.execute(query).fetchall()


def waterfall(settings: Settings) -> list[tuple[Any, ...]]:
    """Return each campaign's label, its members, and those it is sent to."""
    return asked(
        settings,
        "select label_ja, count(*), count(*) filter (reason = 'send')"
        " from delivery_decisions join campaigns using (campaign)"
        " where standing <> 'unknown' group by label_ja",
    )


def test_a_label_that_tells_what_somebody_has_is_not_in_the_note(early: Settings) -> None:
    found = sheet_of(early)
    assert found is not None
    named = replace(found, campaigns=[replace(found.campaigns[0], label_ja="糖尿病の方へ")])
    note = morning_note(named, Path("x"))
    assert "糖尿病" not in note
    assert f"- {found.campaigns[0].priority} 番目の配信: 対象" in note


def test_dagster_draws_the_waterfall_over_the_nights(lived: World) -> None:
    settings = lived.settings(MONDAY, at(MONDAY, 3))
    with open_instance(settings) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("delivery_waterfall"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    for label, members, sent in waterfall(settings):
        assert f"| {label} | 対象 {members:,} → " in str(metadata["waterfall"].value)
        (name,) = lived.published(
            "aozora", f"select campaign from campaigns where label_ja = '{label}'"
        )[0]
        assert metadata[f"{name}/members"].value == members
        assert metadata[f"{name}/send"].value == sent


def test_d11_a_flow_falls_reason_by_reason_and_leaves_the_unknown_beside() -> None:
    taken = [("死亡", 3), ("転居", 12), ("紹介済み", 20), ("ブロック", 45), ("同意なし", 110),
             ("予約あり", 18), ("最近来院", 9)]  # fmt: skip
    steps = [WaterfallStep("c", "C", f"r{n}", said, count) for n, (said, count) in enumerate(taken)]
    unknown = WaterfallStep("c", "C", "unknown", "言えない", 5)
    flow = flow_of([unknown, *steps, WaterfallStep("c", "C", "send", "送信", 783)])
    assert flow.members == 1000
    assert [each.left for each in flow.falls] == [997, 985, 965, 920, 810, 792, 783]
    assert (flow.sent, list(flow.beside)) == (783, [unknown])


def _asked(settings: Settings, moment: datetime) -> list[str | None]:
    defs = definitions(settings.model_copy(update={"at": None}))
    context = dg.build_schedule_context(
        scheduled_execution_time=moment, repository_def=defs.get_repository_def()
    )
    schedule = defs.resolve_schedule_def("morning_sheet_at_half_past_seven")
    return [each.partition_key for each in schedule.evaluate_tick(context).run_requests or []]


@pytest.mark.parametrize(("letters", "shown"), [(60, "あ" * 60), (61, "あ" * 60 + "…")])
def test_a_locked_phone_shows_the_beginning(letters: int, shown: str) -> None:
    assert banner({"type": "flex", "altText": "あ" * letters}) == shown


def test_a_bubble_shows_its_words_and_loads_nothing() -> None:
    contents = [
        {"type": "text", "text": "<b>予約</b>", "weight": "bold"},
        {"type": "image", "url": "https://a.example/a.png"},
        {"type": "button", "action": {"type": "uri", "label": "開く", "uri": "tel:03"}},
    ]
    body = {"type": "box", "layout": "vertical", "contents": contents}
    page = bubble({"type": "flex", "contents": {"type": "bubble", "body": body}})
    assert "&lt;b&gt;予約&lt;/b&gt;" in page
    assert "<img" not in page
    for said in ("開く", "tel:03", "画像 https://a.example/a.png"):
        assert said in page
