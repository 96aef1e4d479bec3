"""The project that `python -m bench.tags` measures: as many tags as asked, and it builds."""

from pathlib import Path

from clinic_builder import write_clinic
from nights import DBT, MONDAY, at

from bench.tag_project import write_project
from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.ingest import ingest_clinic
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build
from dagster_project.rules import rules_of, tags

FAMILIES = {"age", "conditions", "department", "measurements", "sex", "visits"}


def test_a_project_of_so_many_tags_of_every_family_builds(tmp_path: Path) -> None:
    project, target = tmp_path / "dbt", tmp_path / "target"
    write_project(DBT, project, 10)
    manifest = transform.parse(project, target)
    assert len(tags(manifest)) == 10
    assert {path.parent.name for path in project.glob("models/tags/*/*.sql")} == FAMILIES
    rows = {
        "patients": [{"patient_no": "1"}],
        "visits": [{"patient_no": "1", "visited_on": MONDAY}],
    }
    exports = write_clinic(tmp_path, "units", MONDAY, rows)
    clinic = load_clinic(exports / "clinic.yaml")
    ingest_clinic(clinic, exports, tmp_path / "landing", MONDAY)
    work = tmp_path / "warehouse.duckdb"
    build = Build(clinic.clinic_id, "test", MONDAY, at(MONDAY, 2))
    landing, none = tmp_path / "landing", tmp_path / "none"
    prepare(work, Night(build, clinic, landing, none, rules=rules_of(manifest)))
    results = transform.build(project, target, work, MONDAY, ["--exclude", "fqn:tagline.delivery"])
    assert [node.unique_id for node in results if not node.is_ok] == []


def test_a_hundred_tags_are_a_hundred(tmp_path: Path) -> None:
    write_project(DBT, tmp_path / "dbt", 100)
    assert len(list(tmp_path.glob("dbt/models/tags/*/tag_*.sql"))) == 100
    assert len(list(tmp_path.glob("dbt/models/tags/*/tag_*.yml"))) == 100
