"""Nights as a clinic lives them: exports in a folder, the whole run, what each phone received."""

import hashlib
import io
import itertools
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path

import duckdb
from clinic_builder import Row, user, write_clinic
from rich.console import Console

from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.commands import run_nightly, run_send, show_status
from dagster_project.ingest import ingest_clinic
from dagster_project.insight.voice import show_voice
from dagster_project.ledger.store import open_ledger
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build
from dagster_project.review.answers import show_answers
from dagster_project.review.commands import show as show_review
from dagster_project.rules import rules_of
from dagster_project.settings import ROOT, TOKYO, Settings
from dagster_project.simulator import RunningSimulator

MONDAY = date(2026, 6, 1)
DBT = ROOT / "dbt"
UP_TO_SEGMENTS = ("--exclude", "fqn:tagline.delivery")


def up_to(*models: str) -> list[str]:
    """Return the selection of models, what they stand on, and the data tests of all that."""
    return ["--select", *(f"+{model}" for model in models), "--indirect-selection", "cautious"]


UP_TO_TAGS = up_to("patient_tags")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return an instant in Asia/Tokyo."""
    return datetime.combine(day, time(hour, minute), TOKYO)


def lapsed_rows(lapsed: Sequence[int]) -> dict[str, list[Row]]:
    """Return thirty patients, of whom some last came half a year ago, are linked, and agreed."""
    visitors = range(1, 31)
    return {
        "patients": [{"patient_no": str(n)} for n in visitors],
        "visits": [
            {"patient_no": str(n), "visited_on": "2025-10-01" if n in lapsed else "2026-05-20"}
            for n in visitors
        ],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in lapsed],
    }


@dataclass
class World:
    """One installation, with a LINE simulator that stands beside it all the while."""

    folder: Path
    simulator: RunningSimulator
    parsed: Path
    said: list[str] = field(default_factory=list)
    dbt: Path = DBT

    def __post_init__(self) -> None:
        # dbt is parsed once for all worlds: its project is the same, and parsing costs seconds.
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        (self.folder / "data" / "dbt").symlink_to(self.parsed)

    def change_dbt(self, dbt: Path) -> None:
        """Let the nights from now on run a dbt folder of their own, parsed anew."""
        (self.folder / "data" / "dbt").unlink()
        self.dbt = dbt

    def copy(self, folder: Path) -> "World":
        """Return this installation as it stands, elsewhere, beside a LINE that knows of nothing.

        A night costs seconds, so tests that begin with the same one live on in copies of it.
        """
        open_ledger(self.settings(MONDAY).ledger()).dispose()  # what its journal holds is in it now
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("dbt"))
        self.simulator.state.channels.clear()
        return World(folder, self.simulator, self.parsed)

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    def settings(self, day: date, moment: datetime | None = None) -> Settings:
        return Settings(
            data_dir=self.folder / "data",
            exports_dir=self.exports,
            dbt_dir=self.dbt,
            business_day=day,
            at=moment or at(day, 10, 1),
            simulator_url=self.simulator.base_url,
        )

    def write(self, clinic_id: str, day: date, rows: Mapping[str, Sequence[Row]]) -> Path:
        return write_clinic(self.exports, clinic_id, day, rows)

    def nightly(
        self, day: date = MONDAY, moment: datetime | None = None, clinics: Sequence[str] = ()
    ) -> int:
        return run_nightly(self.settings(day, moment), clinics, self._console())

    def send(self, day: date, moment: datetime) -> int:
        return run_send(self.settings(day, moment), [], self._console())

    def status(self, day: date) -> int:
        return show_status(self.settings(day), [], self._console())

    def review(self, day: date) -> int:
        return show_review(self.settings(day), [], self._console())

    def answers(self, day: date) -> int:
        return show_answers(self.settings(day), [], self._console())

    def voice(self, day: date, reader: str | None = None) -> int:
        return show_voice(self.settings(day), [], reader, self._console())

    def _console(self) -> Console:
        return Console(file=_Said(self.said), width=200)

    def text(self) -> str:
        """Return everything said on the terminal so far."""
        return "".join(self.said)

    def received(self, clinic_id: str) -> Counter[str]:
        """Return how many messages each LINE user has received from a clinic."""
        return Counter(each["user"] for each in self.simulator.state.channel(clinic_id).inbox)

    def calls(self, clinic_id: str) -> int:
        """Return how many message requests reached a clinic's channel."""
        return len(self.simulator.state.channel(clinic_id).requests)

    def published(self, clinic_id: str, query: str) -> list[tuple[object, ...]]:
        path = self.settings(MONDAY).published_path(clinic_id)
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(query).fetchall()


class _Said(io.StringIO):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)


def derive(
    folder: Path, data: Path, as_of: date, target: Path, selection: Sequence[str] = UP_TO_SEGMENTS
) -> duckdb.DuckDBPyConnection:
    """Land a clinic's folder, build what is selected with its data tests, and open the result."""
    clinic = load_clinic(folder / "clinic.yaml")
    ingest_clinic(clinic, folder, data / "landing", as_of)
    work = data / "work" / clinic.clinic_id / "warehouse.duckdb"
    build = Build(clinic.clinic_id, "test", as_of, at(as_of, 2))
    rules = rules_of(transform.parse(DBT, target))
    night = Night(build, clinic, data / "landing", data / "none", rules)
    prepare(work, replace(night, seeds=transform.seeded(DBT, target)))
    tonight = [*selection, "--exclude-resource-type", "seed"]
    results = transform.build(DBT, target, work, as_of, tonight)
    broken = [f"{node.unique_id}: {node.message}" for node in results if not node.is_ok]
    assert not broken, broken
    return duckdb.connect(str(work), read_only=True)


def parsed_but_for_changes(parsed: Path, target: Path) -> Path:
    """Begin a target folder for a copy of the project: dbt parses only the files that differ."""
    target.mkdir(parents=True)
    shutil.copy(parsed / "partial_parse.msgpack", target)
    return target


def tags_of(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """Return the state of every patient and tag that is held or not to be told."""
    rows = con.execute("select patient_id, tag, state from patient_tags").fetchall()
    return {(patient, tag): state for patient, tag, state in rows}


def is_held_out(clinic_id: str, purpose: str, patient: str, share: float = 0.1) -> bool:
    """Return whether a patient is one of those a campaign leaves out to compare with."""
    digest = hashlib.md5(f"{clinic_id}/{purpose}/{patient}".encode()).hexdigest()  # noqa: S324
    return int(digest[:8], 16) < int(share * 2**32)


def written_to(clinic_id: str, purpose: str, count: int, first: int = 1) -> list[int]:
    """Return the first numbers of patients who are not held out."""
    numbers = (n for n in itertools.count(first) if not is_held_out(clinic_id, purpose, str(n)))
    return list(itertools.islice(numbers, count))
