"""The patient's part played in a browser, on a page as wide as a phone (`make test-browser`)."""

import re
from collections.abc import Iterator
from typing import Any

import chat
import pytest
from test_chat_page import Phone
from test_chat_page import phone as simulated

from dagster_project.ledger.conversation import issue_code

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
phone = simulated  # a fixture is found by the name it has here


@pytest.fixture
def page(browser: Any, phone: Phone) -> Iterator[Any]:
    """Yield the simulator's page on a phone; whatever the console says is an error of ours."""
    page = browser.new_page(viewport=PHONE, locale="ja-JP")
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.extend(errors(said)))
    page.goto(phone.simulator.base_url)
    yield page
    page.close()
    assert complaints == []


def errors(said: Any) -> list[str]:
    where = said.location["url"]
    is_ours = said.type == "error" and not where.endswith("/favicon.ico")
    return [f"{said.text} {where}"] if is_ours else []


def type_in(page: Any, said: str) -> None:
    page.get_by_label("メッセージ", exact=True).fill(said)
    page.get_by_role("button", name="送信", exact=True).click()


def tap(page: Any, label: str) -> None:
    page.get_by_role("group", name="選択肢").get_by_role("button", name=label, exact=True).click()


def hears(page: Any, said: str) -> None:
    """Wait until the newest bubble says a thing: the page looks again by itself."""
    page.locator(".bubble").last.filter(has_text=said).wait_for()


def fits(page: Any) -> None:
    """Nothing is wider than the phone, and what can be tapped is large enough to be."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box["height"] >= 24, button.inner_text()
        assert box["x"] >= 0, button.inner_text()
        assert box["x"] + box["width"] <= PHONE["width"], button.inner_text()


def test_a_newcomer_follows_links_agrees_answers_and_stops(page: Any, phone: Phone) -> None:
    page.get_by_role("button", name="新しい友だちとして話してみる").click()
    hears(page, "友だち追加ありがとうございます")
    code = issue_code(phone.engine, "good", ["77777"], "self", "reception", chat.START)
    type_in(page, f"{code[:4]}-{code[4:]}")
    hears(page, "連携しました")
    fits(page)
    tap(page, "予防接種のご案内")
    hears(page, "「予防接種のご案内」をお送りします")
    page.get_by_role("button", name="予防接種のご案内を止める").wait_for()
    type_in(page, "問診")
    hears(page, "診療科を選択してください")
    tap(page, "内科")
    hears(page, "インフルエンザワクチンの接種を希望されますか")
    fits(page)
    for label in ("希望する", "いない", "吸わない"):
        tap(page, label)
    hears(page, "ご回答ありがとうございました")
    type_in(page, "配信停止")
    hears(page, "すべてのお知らせを止めました")
    fits(page)
    assert "77777" not in page.content(), "nothing of a chart is shown"
    mine = page.locator(".bubble.mine").all_inner_texts()
    assert mine[-1] == "配信停止"
    assert "希望する" in mine, "what was tapped is shown in words"


def test_an_emergency_is_answered_at_once(page: Any) -> None:
    page.get_by_role("button", name="新しい友だちとして話してみる").click()
    hears(page, "友だち追加ありがとうございます")
    type_in(page, "胸が痛いです")
    hears(page, "119")


def test_who_blocks_cannot_type_and_may_come_back(page: Any) -> None:
    page.get_by_role("button", name="新しい友だちとして話してみる").click()
    hears(page, "友だち追加ありがとうございます")
    page.get_by_role("button", name="ブロック", exact=True).click()
    page.get_by_role("button", name="友だち追加", exact=True).wait_for()
    assert page.get_by_label("メッセージ", exact=True).count() == 0
    page.get_by_role("button", name="友だち追加", exact=True).click()
    hears(page, "友だち追加ありがとうございます")


def test_a_page_that_is_left_open_shows_what_is_answered_and_keeps_what_is_typed(
    page: Any, phone: Phone
) -> None:
    page.get_by_role("button", name="新しい友だちとして話してみる").click()
    hears(page, "友だち追加ありがとうございます")
    page.get_by_label("メッセージ", exact=True).fill("書きかけ")
    [user] = re.findall(r"user=(U[0-9a-f]{32})", page.url)
    before = page.locator(".bubble").count()
    phone.simulator.state.channel("good").talk.append(
        {"user": user, "type": "message", "at": "2026-06-01T10:00:00+09:00", "text": "別の端末から"}
    )
    page.locator(".bubble").nth(before).wait_for()
    assert page.get_by_label("メッセージ", exact=True).input_value() == "書きかけ"
