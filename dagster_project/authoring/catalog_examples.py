"""A tag's unit tests as small tables: what is recorded of a patient, and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster_project.authoring.lint_examples import expected_rows, given_rows
from dagster_project.authoring.project import Model
from dagster_project.authoring.words import (
    COLUMNS,
    VALUES,
    evidence_in_japanese,
    threshold_in_japanese,
)

Row = Mapping[str, Any]
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """One patient of an example: what is recorded, and whether they have the tag."""

    patient: str
    cells: Sequence[str]
    state: str  # has | has_not | unknown
    because: str
    is_japanese: bool  # whether there were words for all of the reason


@dataclass(frozen=True)
class Example:
    """One unit test: its sentence, what is the same for all, and each patient's difference."""

    sentence: str
    columns: Sequence[str]
    cases: Sequence[Case]
    common: Sequence[str]
    common_where_recorded: Sequence[str]  # the same for all but those who lack the record


def examples(tag: Model, labels: Labels) -> list[Example]:
    """Return the examples of a tag in the order of its yml; labels are words for its values."""
    return [_example(test, {**labels, **VALUES}) for _, test in tag.unit_tests]


def _example(test: Row, words: Labels) -> Example:
    given = [row for rows in given_rows(dict(test)).values() for row in rows]
    patients = list(dict.fromkeys(str(row["patient_id"]) for row in given if "patient_id" in row))
    recorded = {who: _merged(_of(who, given), words) for who in patients}
    columns = list(dict.fromkeys(name for cells in recorded.values() for name in cells))
    differing = [name for name in columns if _differs(name, recorded)] or [
        name for name in columns if any(name not in cells for cells in recorded.values())
    ]
    common = _merged([row for row in given if "patient_id" not in row], words)
    partly: dict[str, str] = {}
    for name in columns:
        if name not in differing:
            said = [cells[name] for cells in recorded.values() if name in cells]
            (common if len(said) == len(recorded) else partly)[name] = said[0]
    expected = {str(row.get("patient_id")): row for row in expected_rows(dict(test))}
    return Example(
        sentence=str(test.get("description") or test.get("name") or ""),
        columns=[COLUMNS.get(name, name) for name in differing],
        cases=[_case(who, recorded[who], differing, expected.get(who), words) for who in patients],
        common=_named(common),
        common_where_recorded=_named(partly),
    )


def _named(cells: Mapping[str, str]) -> list[str]:
    return [f"{COLUMNS.get(name, name)}: {value}" for name, value in cells.items()]


def _case(
    who: str,
    cells: Mapping[str, str],
    columns: Sequence[str],
    row: Row | None,
    words: Labels,
) -> Case:
    name = words.get(who, who)
    shown = [cells.get(column, "記録なし") for column in columns]
    if row is None:
        return Case(name, shown, "has_not", "", is_japanese=True)
    value, threshold = str(row.get("evidence_value") or ""), row.get("evidence_threshold")
    japanese = evidence_in_japanese(value, words)
    against = f" (基準 {threshold_in_japanese(str(threshold))})" if threshold else ""
    because = f"{value if japanese is None else japanese}{against}"
    state = str(row.get("state") or "has")
    return Case(name, shown, state, because, is_japanese=japanese is not None or not value)


def _of(who: str, given: Sequence[Row]) -> list[Row]:
    return [row for row in given if "patient_id" in row and str(row["patient_id"]) == who]


def _differs(name: str, recorded: Mapping[str, Mapping[str, str]]) -> bool:
    said = {cells[name] for cells in recorded.values() if name in cells}
    return len(said) > 1 or len(recorded) == 1


def _merged(rows: Sequence[Row], words: Labels) -> dict[str, str]:
    """Return what rows of one patient say, column by column, without where it is written."""
    said: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "patient_id" and not name.endswith(("file_id", "line_no")):
                said.setdefault(name, {})[words.get(str(value), str(value))] = None
    return {name: " / ".join(values) for name, values in said.items()}
