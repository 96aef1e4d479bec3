"""That a model's unit tests show, in Japanese, somebody who is in and somebody who is not."""

import re
from collections.abc import Iterator
from typing import Any

from dagster_project.authoring.finding import Finding, is_japanese, is_written
from dagster_project.authoring.project import Model
from dagster_project.authoring.yml import mapping

ONE_SENTENCE = re.compile(r"[^。]+。")
SHOW_BOTH = "add a unit test with a row on each side of the boundary"


def lint_examples(model: Model) -> Iterator[Finding]:
    """Yield what is missing from the examples of a model that has a yml."""
    if model.yml is None or model.keys is None:
        return
    path, at = model.yml.path, model.yml.line(*model.keys)
    if not model.unit_tests:
        yield Finding(path, at, "no unit test", SHOW_BOTH)
        return
    asked: set[str] = set()
    expected: set[str] = set()
    for place, test in model.unit_tests:
        said = test.get("description")
        if not (is_written(said) and is_japanese(said) and ONE_SENTENCE.fullmatch(str(said))):
            line = model.yml.line("unit_tests", place, "description")
            to_do = "say in one Japanese sentence, ending in 。, who is in and who is not"
            yield Finding(path, line, f"unit test {test.get('name')} does not say what it shows",
                          to_do)  # fmt: skip
        asked |= {who for given in given_rows(test).values() for who in _patients(given)}
        expected |= _patients(expected_rows(test), has=model.name.startswith("tag_"))
    if not expected:
        yield Finding(path, at, "no unit test expects a patient", SHOW_BOTH)
    if not asked - {who for _, test in model.unit_tests for who in _patients(expected_rows(test))}:
        yield Finding(path, at, "no unit test has a patient who is not expected", SHOW_BOTH)


def given_rows(test: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows a unit test begins with, by the model or source they stand in."""
    listed = test.get("given")
    inputs = [each for each in (listed if isinstance(listed, list) else []) if mapping(each)]
    return {_called(str(each.get("input"))): _rows(each) for each in inputs}


def expected_rows(test: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows a unit test expects."""
    return _rows(mapping(test.get("expect")))


def _rows(part: dict[str, Any]) -> list[dict[str, Any]]:
    rows = part.get("rows")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _called(reference: str) -> str:
    names = re.findall(r"""["'](\w+)["']""", reference)
    return names[-1] if names else reference


def _patients(rows: list[dict[str, Any]], *, has: bool = False) -> set[str]:
    return {
        str(row["patient_id"])
        for row in rows
        if "patient_id" in row and (not has or row.get("state") == "has")
    }
