"""Fixtures every test may use."""

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledgers import postgres_server
from nights import DBT, MONDAY, World, at, lapsed_rows, written_to

from dagster_project import transform
from dagster_project.settings import ROOT
from dagster_project.simulator import RunningSimulator, start

# As `tagline` does: nights make millions of objects that live, and pytest keeps more of them.
gc.set_threshold(1_000_000, 20, 100)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of independent public samples; the project never needs it."""
    folder = Path(os.environ.get("TAGLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.exists():
        pytest.skip("independent sample data is not on this machine (TAGLINE_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return dbt's target folder with the project parsed in it."""
    target = tmp_path_factory.mktemp("dbt")
    transform.parse(DBT, target)
    return target


@pytest.fixture(scope="session")
def line() -> Iterator[RunningSimulator]:
    """Return a LINE simulator for the whole session; worlds share it, clinics do not."""
    with start() as running:
        yield running


@pytest.fixture
def make_world(parsed: Path, line: RunningSimulator, tmp_path: Path) -> Callable[[str], World]:
    """Return a maker of empty installations."""

    def make(name: str) -> World:
        line.state.channels.clear()
        return World(tmp_path / name, line, parsed)

    return make


@pytest.fixture
def world(make_world: Callable[[str], World]) -> World:
    """Return an empty installation."""
    return make_world("world")


@pytest.fixture(scope="session")
def begin(
    parsed: Path, line: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], World]:
    """Return a maker of empty installations for nights that several tests share."""

    def make() -> World:
        line.state.channels.clear()
        return World(tmp_path_factory.mktemp("shared") / "world", line, parsed)

    return make


@pytest.fixture(scope="session")
def planned_once(begin: Callable[[], World]) -> World:
    world = begin()
    world.write("good", MONDAY, lapsed_rows(written_to("good", "visit", 3)))
    assert world.nightly(MONDAY, at(MONDAY, 2)) == 0, world.text()
    assert world.calls("good") == 0
    return world


@pytest.fixture
def planned(planned_once: World, tmp_path: Path) -> World:
    """Return a clinic, good, whose night of Monday planned for three, and whose window is shut."""
    return planned_once.copy(tmp_path / "world")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Return a PostgreSQL server's URL, or None where SQLite is meant."""
    if request.param == "sqlite":
        yield None
        return
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Yield the machine's own Chromium; Playwright's needs a download of its own."""
    driver = pytest.importorskip("playwright.sync_api", reason="no Playwright: make test-browser")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()
