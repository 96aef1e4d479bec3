"""Acceptance D8 and D12, what is due: seven children and seven patients of the first of June."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from clinic_builder import write_clinic
from nights import MONDAY, UP_TO_TAGS, derive

CHILDREN = {
    "1": date(2025, 5, 20),  # A, no MR
    "2": date(2025, 5, 20),  # B, MR given a week ago
    "3": date(2025, 7, 1),  # C, not yet one year old
    "4": date(2024, 6, 15),  # D, has a fortnight left
    "5": date(2020, 9, 10),  # E, the year before school
    "6": date(2025, 4, 10),  # F, had another live vaccine
    "7": date(2025, 5, 20),  # G, twin of A
}
GIVEN = [("2", "MR", date(2026, 5, 25), 1), ("5", "MR", date(2021, 10, 1), 1),
         ("6", "水痘", date(2026, 5, 20), 1)]  # fmt: skip
WOMEN = [
    ("11", "female", date(1981, 1, 1)),
    ("12", "female", date(1981, 1, 1)),
    ("13", "female", date(2003, 1, 1)),
    ("14", "female", date(2007, 1, 1)),
    ("16", "unknown", date(1981, 1, 1)),
    ("17", "male", date(1981, 1, 1)),
]


@pytest.fixture(scope="module")
def warehouse(
    tmp_path_factory: pytest.TempPathFactory, parsed: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("due")
    names = ("patient_no", "sex", "birth_date")
    people = [*((who, "male", born) for who, born in CHILDREN.items()), *WOMEN]
    doses = ("patient_no", "vaccine", "given_on", "dose_no")
    screened = {"patient_no": "12", "item": "mammography", "value": 1}
    rows = {
        "patients": [dict(zip(names, person, strict=True)) for person in people],
        "immunizations": [dict(zip(doses, dose, strict=True)) for dose in GIVEN],
        "observations": [{**screened, "observed_on": date(2025, 3, 10)}],
        "visits": [{"patient_no": "1", "visited_on": MONDAY}],
    }
    kept = ["breast", "cervical"]
    clinic = write_clinic(folder, "due", MONDAY, rows, screenings=kept)
    with derive(clinic, folder / "data", MONDAY, parsed, UP_TO_TAGS) as con:
        yield con


def test_d8_four_children_are_due_and_one_waits_for_the_live_vaccine(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    rows = warehouse.execute(
        "select patient_id, dose_no, state, due_from, last_day, days_left from vaccine_due"
        " where tag = 'mr_due' and choice = 1 and cast(patient_id as integer) < 10"
        " order by patient_id"
    ).fetchall()
    held = warehouse.execute(
        "select patient_id from patient_tags where tag = 'mr_due' and state = 'has'"
        " order by patient_id"
    ).fetchall()
    assert held == [("1",), ("4",), ("5",), ("7",)]
    window_of_a = (date(2026, 5, 20), date(2027, 5, 19), 352)
    assert rows == [
        ("1", 1, "due", *window_of_a),
        ("2", 1, "given", None, date(2027, 5, 19), 352),
        ("3", 1, "not_yet", date(2026, 7, 1), date(2027, 6, 30), 394),
        ("4", 1, "due", date(2025, 6, 15), date(2026, 6, 14), 13),
        ("5", 2, "due", date(2026, 4, 1), date(2027, 3, 31), 303),
        ("6", 1, "held", date(2026, 6, 17), date(2027, 4, 9), 312),
        ("7", 1, "due", *window_of_a),
    ]


def test_d12_each_woman_is_due_for_what_her_age_and_records_say(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    rows = warehouse.execute(
        "select patient_id, tag, state from patient_tags"
        " where tag in ('breast_screening_due', 'cervical_screening_due') order by all"
    ).fetchall()
    assert rows == [
        ("11", "breast_screening_due", "has"),
        ("11", "cervical_screening_due", "has"),
        ("12", "cervical_screening_due", "has"),
        ("13", "cervical_screening_due", "has"),
        ("16", "breast_screening_due", "unknown"),
        ("16", "cervical_screening_due", "unknown"),
    ]
