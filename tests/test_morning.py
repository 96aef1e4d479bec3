"""The morning sheet: what it says of a night, that it asks nothing of the network, its hour."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from nights import MONDAY, World, at

from dagster_project.clinic import clinic_in
from dagster_project.definitions import definitions
from dagster_project.insight.bubble import banner, bubble
from dagster_project.insight.morning import read_morning
from dagster_project.insight.morning_page import morning_path, write_morning
from dagster_project.ledger.holds import EVERY_CLINIC, place
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.settings import ROOT, Settings

SAMPLE = ROOT / "exports"


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


def test_the_sheet_says_who_why_what_and_what_was_cut(early: Settings) -> None:
    clinic = clinic_in(early.exports_dir, "aozora")
    path = write_morning(early, clinic)
    assert path is not None
    page = path.read_text(encoding="utf-8")
    morning = read_morning(
        early.published_path("aozora"),
        open_ledger(early.ledger()),
        early.dbt_dir / "campaigns",
        MONDAY,
        100,
    )
    assert morning is not None
    assert morning.accounts == morning.waiting > 0
    assert (morning.used, morning.left) == (0, 100)
    for campaign in morning.campaigns:
        assert campaign.label_ja in page
        written = sum(step.patients for step in campaign.waterfall if step.reason == "send")
        named = [each for to in campaign.recipients for each in to.patients]
        assert len(named) == written
        assert all(why for _, why in named), campaign.name
        assert campaign.trouble is None
        assert sum(text.accounts for text in campaign.texts) == len(campaign.recipients)
        for text in campaign.texts:
            for message in text.messages:
                assert str(message["text"]) in page
    assert "LINE未連携" in page
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
    assert "差し止め中: patient 77: 電話で希望" in page
    assert "配信は人の手で止められています" in page
    assert "よその医院" not in page


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
