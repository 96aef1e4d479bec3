"""The report as a browser shows it: on a phone, on a desk, and to who cannot see it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from report_tables import SENT, TONIGHT, around, d13, eight_months, installed
from results_tables import CAMPAIGN, Laid

from dagster_project.clinic import clinic_in
from dagster_project.insight.report_page import write_report

pytestmark = pytest.mark.browser
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def pages(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the pages of a clinic that has sent, of one that has for months, and of a new one."""
    full, months, empty = Laid(parsed), Laid(parsed), Laid(parsed)
    d13(full)
    eight_months(months)
    for laid in (full, months):
        around(laid)
    empty.lay("campaigns", CAMPAIGN)
    found = {}
    for name, laid in (("full", full), ("months", months), ("empty", empty)):
        laid.night(TONIGHT)
        settings = installed(laid, tmp_path_factory.mktemp(name))
        month: date | None = None if name == "empty" else SENT
        written = write_report(settings, clinic_in(settings.exports_dir, "here"), month)
        assert written is not None
        found[name] = written[0]
    return found


@pytest.mark.parametrize("name", ["full", "months", "empty"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window_and_nothing_is_asked_for(
    browser: Any, pages: dict[str, Path], name: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: asked.append(said.text))
    page.goto(pages[name].as_uri())
    for each in page.locator("details").all():
        each.evaluate("each => { each.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for drawing in page.locator("svg").all():
        box = drawing.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] > 40
    inside = page.evaluate(
        "[...document.querySelectorAll('svg')].flatMap(svg => [...svg.querySelectorAll('text')]"
        ".filter(text => text.getBoundingClientRect().left < svg.getBoundingClientRect().left - 1)"
        ".map(text => text.textContent))"
    )
    assert inside == [], "a label is cut off"
    assert asked == [pages[name].as_uri()]
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_first_look_says_whether_the_messages_brought_people(
    browser: Any, pages: dict[str, Path], width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(pages["months"].as_uri())
    for said in ("来院が増えたと言えるもの 1", "配信で増えた来院は約"):
        box = page.get_by_text(said).first.bounding_box()
        assert box["y"] + box["height"] < 844
    page.close()


@pytest.mark.parametrize("name", ["full", "months", "empty"])
def test_axe_finds_nothing_grave(browser: Any, pages: dict[str, Path], name: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(pages[name].as_uri())
    for each in page.locator("details").all():
        each.evaluate("each => { each.open = true }")
    found = axe.run(page).response["violations"]
    grave = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in GRAVE]
    assert grave == []
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert [each["id"] for each in axe.run(page).response["violations"]] == ["html-has-lang"]
    page.close()


@pytest.mark.parametrize("name", ["full", "months"])
def test_a_printed_page_is_of_a4_and_shows_the_tables(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    page = browser.new_page()
    page.goto(pages[name].as_uri())
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 within its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.get_by_text("送らなかった人の来院").first.is_visible()
    campaigns = page.locator(".campaigns > article").all()
    assert len(campaigns) >= 3
    # Two of them on a page, and none is cut.
    assert max(each.bounding_box()["height"] for each in campaigns) < 480
    printed = page.pdf(prefer_css_page_size=True)
    assert b"/MediaBox [0 0 594.95996 841.91998]" in printed or b"[0 0 595" in printed
    page.close()
