"""The oracle as second judge: whole clinics through the mutated rules, tag by tag."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, settings

from bench.mutants.judge import STILLBORN, undone
from bench.mutants.mutants import Mutant
from bench.mutants.project import Marked, NotGreenError
from bench.mutants.sql import Sql
from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.ingest import ingest_clinic
from dagster_project.ledger.chat_snapshot import Chat
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build

import oracle  # isort: skip  # these stand in tests/, which bench.mutants.project made known
from clinic_builder import write_clinic  # isort: skip
from nights import at  # isort: skip
from test_tags_against_oracle import clinics  # isort: skip

CLINICS = 6
BY_HAND = " by hand"
# A tag that no file names any more.
RETIRED = (1, "of_the_past", "retire", None, None, None, date(2020, 1, 1), None)
Tags = dict[tuple[str, str], str]


@dataclass
class Clinic:
    """A made-up clinic, derived once by the rules as they stand, and what the oracle says."""

    con: duckdb.DuckDBPyConnection
    models: dict[str, Sql]
    expected: Tags


class Oracle:
    """The same clinics for every mutant."""

    def __init__(self, marked: Marked, folder: Path) -> None:
        """Make the clinics. Raises NotGreenError where the oracle disagrees as things stand."""
        models = [node for node in marked.decides_tags() if node.resource_type == "model"]
        manifest = transform.parse(marked.dbt_dir, marked.target)
        self._nodes = {node.name: node for node in manifest.nodes.values()}
        self._order = [node.name for node in models]
        self._clinics = [
            self._made(marked, folder / str(number), today, rows)
            for number, (today, rows) in enumerate(_drawn(CLINICS))
        ]
        if any(_tags(clinic.con) != clinic.expected for clinic in self._clinics):
            raise NotGreenError("the oracle disagrees with the rules as they stand")

    def notices(self, mutant: Mutant) -> bool:
        """Return whether a patient of a clinic gets another tag than the oracle says."""
        return any(self._differs(clinic, mutant) for clinic in self._clinics)

    def _differs(self, clinic: Clinic, mutant: Mutant) -> bool:
        stale = {name for name in self._order if name in mutant.edits} | {mutant.seed}
        with undone(clinic.con):
            try:
                if mutant.change:
                    clinic.con.execute(mutant.change)
                for name in self._order:
                    node = self._nodes[name]
                    reads = {self._nodes[i.split(".")[2]].name for i in node.depends_on.nodes
                             if not i.startswith("source.")}  # fmt: skip
                    if name in stale or reads & stale:
                        stale.add(name)
                        sql = clinic.models[name].after(mutant.edits.get(name, []))
                        kind = "view" if node.config.materialized == "view" else "table"
                        clinic.con.execute(f'create or replace {kind} "{name}" as ({sql}\n)')
                return _tags(clinic.con) != clinic.expected
            except STILLBORN:
                return False
            except duckdb.Error:
                return True

    def _made(self, marked: Marked, folder: Path, today: date, rows: dict[str, Any]) -> Clinic:
        exports = write_clinic(folder, "somewhere", today, rows)
        clinic = load_clinic(exports / "clinic.yaml")
        ingest_clinic(clinic, exports, folder / "landing", today)
        path = folder / "warehouse.duckdb"
        build = Build(clinic.clinic_id, "mutants", today, at(today, 2))
        expected, by_hand = _by_hand(oracle.tags(rows, today), today)
        said, chat = _answers(marked.dbt_dir, min(patient for patient, _ in expected), today)
        night = Night(build, clinic, folder / "landing", folder / "none", overrides=by_hand,
                      decisions=[RETIRED], chat=chat)  # fmt: skip
        prepare(path, night)
        transform.build(marked.dbt_dir, marked.target, path, today, [
            "--exclude", "fqn:tagline.delivery", "--exclude-resource-type", "test",
        ])  # fmt: skip
        con = duckdb.connect(str(path))
        con.execute("set threads = 1")
        return Clinic(con, marked.models(self._order, today), expected | said)


def _tags(con: duckdb.DuckDBPyConnection) -> Tags:
    is_by_hand = "evidence_table = 'override' and evidence_file_id = 'ledger'"
    state = f"state || case when {is_by_hand} then '{BY_HAND}' else '' end"
    rows = con.execute(f"select patient_id, tag, {state} from patient_tags").fetchall()
    return {(patient, tag): state for patient, tag, state in rows}


def _by_hand(expected: Tags, today: date) -> tuple[Tags, list[tuple[object, ...]]]:
    """Return the tags, and the overrides, when staff take a tag of one and give it to another."""
    patients = {patient for patient, _ in expected}
    for (holder, tag), state in sorted(expected.items()):
        without = sorted(patient for patient in patients if (patient, tag) not in expected)
        if state == "has" and without:
            overrides: list[tuple[object, ...]] = [
                (1, holder, tag, "remove", today, today, None),
                (2, without[0], tag, "add", today, today, None),
            ]
            rest = {key: each for key, each in expected.items() if key != (holder, tag)}
            return rest | {(without[0], tag): f"has{BY_HAND}"}, overrides
    return expected, []


def _answers(dbt_dir: Path, patient: str, today: date) -> tuple[Tags, Chat]:
    """Return the tags of a patient who chose every answer of the list, and the chat it was in."""
    with (dbt_dir / "seeds" / "answer_items.csv").open(encoding="utf-8", newline="") as file:
        items = list(csv.DictReader(file))
    at = datetime.combine(today, time(9))
    answers = [
        ("U1", "intake", "v1", row["item"], row["value"], row["item"], row["value"], today, at, "E")
        for row in items
    ]
    chat = Chat([], [("U1", patient, "self", today, "E")], [], answers)
    return {(patient, row["tag"]): "has" for row in items if row["tag"]}, chat


def _drawn(count: int) -> Sequence[tuple[date, dict[str, Any]]]:
    """Return clinics of the oracle test, the same every time."""
    found: list[tuple[date, dict[str, Any]]] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(clinic=clinics())
    def draw(clinic: tuple[date, dict[str, Any]]) -> None:
        found.append(clinic)

    draw()
    return found
