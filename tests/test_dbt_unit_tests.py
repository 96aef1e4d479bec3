"""What every model means, case by case: dbt's unit tests, and that no model goes without."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from clinic_builder import write_clinic
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.nodes import UnitTestDefinition
from nights import DBT, MONDAY, at

from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build

# Lists of what stands in other files, which the build itself holds complete.
LISTS = {"campaigns", "campaign_steps", "segment_members", "patient_tags", "tag_catalog",
         "tag_references"}  # fmt: skip
# Held against its twin in Python, file by file.
TESTED_ELSEWHERE = {"source_files": "test_ingest_periods.py"}
ONE_JAPANESE_SENTENCE = re.compile(r"(?=.*[ぁ-ん])[^。]+。")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, parsed: Path) -> Path:
    """Return a warehouse in which every relation stands, with no rows but those of the seeds."""
    folder = tmp_path_factory.mktemp("unit_tests")
    clinic = load_clinic(write_clinic(folder, "units", MONDAY, {}) / "clinic.yaml")
    path = folder / "warehouse.duckdb"
    build = Build(clinic.clinic_id, "test", MONDAY, at(MONDAY, 2))
    prepare(path, Night(build, clinic, folder / "landing", folder / "none"))
    only_relations = ["--exclude-resource-type", "test"]
    results = transform.build(DBT, parsed, path, MONDAY, only_relations)
    broken = [f"{node.unique_id}: {node.message}" for node in results if not node.is_ok]
    assert not broken, broken
    return path


@pytest.fixture(scope="module")
def unit_tests(parsed: Path) -> list[UnitTestDefinition]:
    return list(transform.parse(DBT, parsed).unit_tests.values())


def failures(warehouse: Path, parsed: Path) -> Iterator[str]:
    """Run every unit test and yield, for each that does not pass, dbt's own word on it."""
    folders = ["--project-dir", DBT, "--profiles-dir", DBT, "--target-path", parsed]
    command = ["test", "--select", "test_type:unit", "--vars", f"{{as_of: '{MONDAY}'}}"]
    os.environ["TAGLINE_WAREHOUSE"] = str(warehouse)
    runner = dbtRunner(manifest=transform.parse(DBT, parsed))
    try:
        outcome = runner.invoke([*transform.QUIET, "--no-write-json", *command, *map(str, folders)])
    finally:
        DuckDBConnectionManager.close_all_connections()
        reset_adapters()
    assert outcome.exception is None, outcome.exception
    for result in outcome.result.results:
        if result.node.resource_type == "unit_test" and str(result.status) != "pass":
            yield f"{result.node.original_file_path}: {result.node.name}: {result.message}"


def test_every_unit_test_passes(
    warehouse: Path, parsed: Path, unit_tests: list[UnitTestDefinition]
) -> None:
    assert len(unit_tests) > 80
    broken = list(failures(warehouse, parsed))
    assert not broken, "\n".join(broken)


def test_no_model_with_logic_goes_without_a_unit_test(unit_tests: list[UnitTestDefinition]) -> None:
    models = {
        path.stem for folder in ("models", "campaigns") for path in (DBT / folder).rglob("*.sql")
    }
    excused = LISTS | set(TESTED_ELSEWHERE)
    assert excused <= models
    assert models - excused - {test.model for test in unit_tests} == set()


def test_every_tag_shows_who_has_it_and_who_has_not(unit_tests: list[UnitTestDefinition]) -> None:
    """A tag that only shows its members could as well hold everybody."""
    shown: dict[str, set[str]] = {path.stem: set() for path in DBT.glob("models/tags/*/tag_*.sql")}
    for test in unit_tests:
        if test.model in shown:
            # A seed given as it is stands there as a query.
            tables = [given.rows for given in test.given if not isinstance(given.rows, str)]
            asked = {row.get("patient_id") for rows in tables for row in rows}
            states = {row["patient_id"]: row["state"] for row in test.expect.rows}
            shown[test.model] |= {states.get(patient, "has not") for patient in asked}
    assert {tag: {"has", "has not"} - states for tag, states in shown.items()} == {
        tag: set() for tag in shown
    }


def test_every_unit_test_reads_as_one_japanese_sentence(
    unit_tests: list[UnitTestDefinition],
) -> None:
    """The tag catalogue shows them to people who do not read SQL."""
    unreadable = {
        test.name for test in unit_tests if not ONE_JAPANESE_SENTENCE.fullmatch(test.description)
    }
    assert unreadable == set()
