"""The menu under the chat: set once, found again, mended where a try broke off."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import chat
import pytest
import yaml
from clinic_builder import clinic_yaml
from linebot.v3.messaging.exceptions import ApiException
from rich.console import Console

from dagster_project.conversation.answer import answer
from dagster_project.conversation.events import parse
from dagster_project.conversation.fold import fold
from dagster_project.conversation.menu import run_rich_menu
from dagster_project.conversation.script import script_of
from dagster_project.line.rich_menu import IMAGE, TAPS, LineMenus, content, set_menu
from dagster_project.settings import ROOT, Settings
from dagster_project.simulator import RunningSimulator, start


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[RunningSimulator]:
    with start(tmp_path / "line", now=chat.START) as running:
        running.state.channel("good")
        yield running


@pytest.fixture
def menus(simulator: RunningSimulator) -> LineMenus:
    return LineMenus(simulator.base_url, simulator.base_url, "simulator:good", live=False)


def writes(simulator: RunningSimulator) -> int:
    calls = simulator.state.calls.items()
    return sum(count for call, count in calls if not call.startswith("GET"))


def test_it_is_set_once(menus: LineMenus, simulator: RunningSimulator) -> None:
    assert set_menu(menus)
    done = writes(simulator)
    assert not set_menu(menus)
    assert writes(simulator) == done, "the same menu: nothing is done"
    assert menus.list() == {menus.default(): content()["name"]}


def test_an_earlier_menu_of_ours_goes_and_one_of_others_stays(menus: LineMenus) -> None:
    image = IMAGE.read_bytes()
    menus.show(menus.create({**content(), "name": "tagline-earlier"}, image))
    theirs = menus.create({**content(), "name": "made in the manager"}, image)
    assert set_menu(menus)
    assert set(menus.list().values()) == {content()["name"], "made in the manager"}
    assert theirs in menus.list()


def test_what_broke_off_half_made_is_mended(menus: LineMenus, simulator: RunningSimulator) -> None:
    with pytest.raises(ApiException):
        menus.create(content(), b"no image")
    assert menus.default() is None
    assert set_menu(menus)
    assert menus.list() == {menus.default(): content()["name"]}


def test_the_image_is_of_the_menus_size_and_small_enough() -> None:
    raw, menu = IMAGE.read_bytes(), content()
    assert struct.unpack(">II", raw[16:24]) == (2500, 843)
    assert len(raw) < 1024 * 1024
    assert sum(each["bounds"]["width"] for each in menu["areas"]) == 2500
    assert len(menu["chatBarText"]) <= 14


def test_the_command_says_what_it_did(simulator: RunningSimulator, tmp_path: Path) -> None:
    folder = tmp_path / "exports" / "good"
    folder.mkdir(parents=True)
    (folder / "clinic.yaml").write_text(yaml.safe_dump(clinic_yaml("good")), encoding="utf-8")
    place = Settings(exports_dir=tmp_path / "exports", simulator_url=simulator.base_url)
    out = io.StringIO()
    assert [run_rich_menu(place, [], Console(file=out)) for _ in range(2)] == [0, 0]
    assert out.getvalue().index("設定しました") < out.getvalue().index("そのまま")
    nowhere = Settings(exports_dir=tmp_path / "exports")
    assert run_rich_menu(nowhere, [], Console(file=out)) == 1


def test_another_host_needs_live() -> None:
    with pytest.raises(ValueError, match="not this machine"):
        LineMenus("http://127.0.0.1:1", "https://data.example", "t", live=False)


@pytest.mark.parametrize("word", TAPS)
@pytest.mark.parametrize("is_asked", [False, True])
def test_every_tap_is_answered_by_what_the_bundled_clinics_say(word: str, is_asked: bool) -> None:
    """Also while a question in the patient's own words stands open."""
    script, wrong = script_of(ROOT / "dagster_project" / "sample")
    assert not wrong
    me = "U" + "1" * 32
    raw = [chat.tap("answer:voice:v1:wish:evening_visit", me, 0)] if is_asked else []
    events = [each.event for each in parse(chat.body([*raw, chat.text(word, me, 1)]))]
    account = fold(events, {}, script)[me]
    said = answer(events[-1], account, script)
    assert said
    assert "ご協力" not in str(said)
    assert ("voice", "words") not in account.answers
