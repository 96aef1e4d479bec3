"""Acceptance D1, first half: the starter pack on 2,000 invented patients, and what lint says."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from nights import DBT, MONDAY, derive

from dagster_project.authoring.lint import lint
from dagster_project.sample import write_sample

STARTER = {"department": 24, "age": 6}
# Of whoever came: whether the records say what decides, and how the tags of a family stand.
FAMILY = """
select d.decided, count(t.tag) filter (t.state = 'has') as has,
    count(t.tag) filter (t.state = 'unknown') as unknown, count(distinct p.patient_id) as people
from patients_today p
join ({decided}) d on d.patient_id = p.patient_id
left join patient_tags t on t.patient_id = p.patient_id
    and t.tag in (select tag from tag_catalog where family = '{family}')
where p.last_visit_on is not null
group by p.patient_id, d.decided
"""
DECIDED = {
    "age": "select patient_id, birth_date is not null as decided from patients_today",
    "department": "select patient_id, bool_or(department_group <> '') as decided"
    " from patient_departments group by patient_id",
}


@pytest.fixture(scope="module")
def night(
    tmp_path_factory: pytest.TempPathFactory, parsed: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("starter")
    write_sample(folder / "exports", 2_000, 1, MONDAY)
    with derive(folder / "exports" / "aozora", folder / "data", MONDAY, parsed) as con:
        yield con


def standing(con: duckdb.DuckDBPyConnection, family: str) -> dict[bool, set[tuple[int, int]]]:
    """Return how many tags of a family each visitor has or lacks the record for."""
    query = FAMILY.format(family=family, decided=DECIDED[family])
    found: dict[bool, set[tuple[int, int]]] = {}
    people = 0
    for decided, has, unknown, _ in con.execute(query).fetchall():
        found.setdefault(decided, set()).add((has, unknown))
        people += 1
    assert people > 1_500
    return found


def test_d1_every_visitor_has_exactly_one_age_tag(night: duckdb.DuckDBPyConnection) -> None:
    assert standing(night, "age") == {True: {(1, 0)}, False: {(0, STARTER["age"])}}


def test_d1_every_visitor_has_a_department_tag(night: duckdb.DuckDBPyConnection) -> None:
    found = standing(night, "department")
    assert found[False] == {(0, STARTER["department"])}
    assert {unknown for _, unknown in found[True]} == {0}
    assert min(has for has, _ in found[True]) == 1


def test_d1_each_tag_has_an_owner_a_purpose_a_validity_and_its_evidence(
    night: duckdb.DuckDBPyConnection,
) -> None:
    described = night.execute(
        "select family, count(*) from tag_catalog where trim(owner) <> '' and trim(purpose) <> ''"
        " and validity_days > 0 and family in ('age', 'department') group by family"
    ).fetchall()
    assert dict(described) == STARTER
    undescribed = night.execute(
        "select tag from tag_catalog where owner is null or purpose is null"
        " or validity_days is null"
    ).fetchall()
    assert undescribed == []
    used = night.execute(
        "select count(distinct tag) from patient_tags where tag like 'department_%'"
        " or tag like 'age_%'"
    ).fetchall()
    assert used == [(sum(STARTER.values()),)]
    unfounded = night.execute(
        "select count(*) from patient_tags t anti join tag_evidence e"
        " on e.patient_id = t.patient_id and e.tag = t.tag and e.line_no is not null"
        " where t.state = 'has'"
    ).fetchall()
    assert unfounded == [(0,)]
    unexplained = "select count(*) from patient_tags where coalesce(evidence_value, '') = ''"
    assert night.execute(unexplained).fetchall() == [(0,)]


def test_d1_lint_has_no_errors() -> None:
    assert [each for each in lint(DBT, date(2026, 6, 1)) if each.is_error] == []
