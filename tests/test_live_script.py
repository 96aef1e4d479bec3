"""A clinic changes its questionnaires while the webhook runs: nobody restarts anything."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import chat
import pytest
from clinic_builder import user, write_clinic
from sqlalchemy import select
from webhook_service import Service, serving

from dagster_project.clinic import load_clinic
from dagster_project.conversation import live_script
from dagster_project.conversation.live_script import LiveScript
from dagster_project.conversation.serve import ways_of
from dagster_project.ledger.chat_tables import staff_alert
from dagster_project.settings import ROOT, Settings

SAMPLE = ROOT / "dagster_project" / "sample"
ME = user(1)
BROKEN = ("next: influenza", "next: nowhere")


@dataclass
class Desk:
    """A clinic's folder, and the running service that reads it."""

    folder: Path
    service: Service

    def rewrite(self, before: str, after: str) -> None:
        path = self.folder / "questionnaires" / "intake.yaml"
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def asked(self) -> str:
        return str(self.service.answered(chat.text("問診", ME, 0)))

    def told(self) -> list[str]:
        with self.service.engine.connect() as con:
            return list(con.execute(select(staff_alert.c.text)).scalars())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = write_clinic(
        tmp_path / "exports",
        "good",
        date(2026, 6, 1),
        {},
        alerts={"webhook": "http://127.0.0.1:9/"},
    )
    shutil.copytree(SAMPLE / "questionnaires", found / "questionnaires")
    return found


@pytest.fixture
def desk(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(live_script, "LOOK_SECONDS", 0.05)
    settings = Settings(
        data_dir=tmp_path / "data", exports_dir=folder.parent, business_day=date(2026, 6, 1)
    )
    clinic = load_clinic(folder / "clinic.yaml")
    ways = ways_of(settings, [clinic], {})
    with serving(settings.ledger(), ways=ways) as service:
        yield Desk(folder, service)


def eventually(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not is_so() and time.monotonic() < end:
        time.sleep(0.06)
    return is_so()


def test_a_change_is_asked_without_a_restart(desk: Desk) -> None:
    assert "診療科を選択してください" in desk.asked()
    desk.rewrite("診療科を選択してください", "どの科ですか")
    assert eventually(lambda: "どの科ですか" in desk.asked())
    assert desk.told() == []


def test_a_broken_version_keeps_the_last_good_one_and_is_told_of_once(desk: Desk) -> None:
    desk.rewrite("診療科を選択してください", "どの科ですか")
    assert eventually(lambda: "どの科ですか" in desk.asked())
    desk.rewrite(*BROKEN)
    desk.rewrite("どの科ですか", "何科ですか")
    assert eventually(lambda: desk.asked() != "" and bool(desk.told()))
    for _ in range(5):
        time.sleep(0.06)
        assert "どの科ですか" in desk.asked()
    [told] = desk.told()
    assert "good/questionnaires/intake.yaml:17" in told
    desk.rewrite(*reversed(BROKEN))
    assert eventually(lambda: "何科ですか" in desk.asked())
    assert len(desk.told()) == 1


def test_a_service_that_starts_with_a_broken_file_asks_the_others_and_tells(
    folder: Path, tmp_path: Path
) -> None:
    path = folder / "questionnaires" / "intake.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(*BROKEN), encoding="utf-8")
    settings = Settings(data_dir=tmp_path / "data", exports_dir=folder.parent)
    clinic = load_clinic(folder / "clinic.yaml")
    for _ in range(2):  # the service is restarted, and says the same once
        with serving(settings.ledger(), ways=ways_of(settings, [clinic], {})) as service:
            desk = Desk(folder, service)
            assert "ご希望" in str(service.answered(chat.text("アンケート", ME, 0)))
            assert len(desk.told()) == 1


def test_the_files_are_looked_at_once_a_second_and_not_while_they_are_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(live_script.time, "monotonic", lambda: now[0])
    told: list[str] = []
    live = LiveScript(folder, lambda version, _: told.append(version))
    assert set(live().questionnaires) == {"intake", "voice"}
    path = folder / "questionnaires" / "intake.yaml"
    path.unlink()
    now[0] += 0.9
    assert set(live().questionnaires) == {"intake", "voice"}
    now[0] += 0.1  # seen, and may be half written
    assert set(live().questionnaires) == {"intake", "voice"}
    path.write_text("questionnaire: int", encoding="utf-8")
    now[0] += 1  # it was
    assert set(live().questionnaires) == {"intake", "voice"}
    shutil.copy(SAMPLE / "questionnaires" / "intake.yaml", path)
    (folder / "questionnaires" / "voice.yaml").unlink()
    for _ in range(2):
        now[0] += 1
        live()
    assert set(live().questionnaires) == {"intake"}
    assert told == []
