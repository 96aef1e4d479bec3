"""Acceptance D1, second half: a tag that nobody owns, or nobody listed, does not build."""

import shutil
from pathlib import Path

import pytest
import yaml
from clinic_builder import write_clinic
from nights import DBT, MONDAY, at, parsed_but_for_changes

from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.ingest import ingest_clinic
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build

SQL = """-- Is a patient.
select
    patient_id,
    'has' as state,
    cast(null as date) as since,
    {{ evidence("'stg_patients'", "'x'") }}
from {{ ref("patients_today") }}
"""
YML = """version: 2
models:
  - name: tag_thirteenth
    description: 十三番目のタグ。
    config:
      meta: {label_ja: 十三番目, family: visits, validity_days: 30, review_on: "2026-12-01",
        sensitivity: low, looks_at: {fact: patients_today}%s}
    columns:
      - {name: patient_id, data_type: varchar}
      - {name: state, data_type: varchar}
      - {name: since, data_type: date}
      - {name: evidence_table, data_type: varchar}
      - {name: evidence_file_id, data_type: varchar}
      - {name: evidence_line_no, data_type: bigint}
      - {name: evidence_on, data_type: date}
      - {name: evidence_value, data_type: varchar}
      - {name: evidence_threshold, data_type: varchar}
"""


def messages(parsed: Path, folder: Path, meta: str, *, is_listed: bool) -> str:
    """Return what a build says of the project with a thirteenth tag."""
    dbt = own_project(folder)
    visits = dbt / "models" / "tags" / "visits"
    (visits / "tag_thirteenth.sql").write_text(SQL, encoding="utf-8")
    (visits / "tag_thirteenth.yml").write_text(YML % meta, encoding="utf-8")
    union = dbt / "models" / "tags" / "patient_tags.sql"
    if is_listed:
        text = union.read_text(encoding="utf-8")
        union.write_text(text.replace('"visits_frequent",', '"visits_frequent", "thirteenth",'))
    # The tags themselves are not built: their union looks at the project before it asks for a row.
    return said(parsed, folder, ["--select", "+tag_catalog", "patient_tags"])


def own_project(folder: Path) -> Path:
    dbt = folder / "dbt"
    shutil.copytree(DBT, dbt, ignore=shutil.ignore_patterns("target", "logs"))
    return dbt


def said(parsed: Path, folder: Path, selection: list[str]) -> str:
    """Return what a build of the folder's own project says."""
    rows = {
        "patients": [{"patient_no": "1"}],
        "visits": [{"patient_no": "1", "visited_on": MONDAY}],
    }
    exports = write_clinic(folder, "d1", MONDAY, rows)
    clinic = load_clinic(exports / "clinic.yaml")
    ingest_clinic(clinic, exports, folder / "landing", MONDAY)
    work = folder / "work" / "warehouse.duckdb"
    build = Build("d1", "test", MONDAY, at(MONDAY, 2))
    prepare(work, Night(build, clinic, folder / "landing", folder / "none"))
    target = parsed_but_for_changes(parsed, folder / "target")
    results = transform.build(folder / "dbt", target, work, MONDAY, selection)
    return "\n".join(node.message for node in results if not node.is_ok)


@pytest.mark.parametrize(
    ("meta", "lacks"),
    [
        ("", "tag_thirteenth lacks owner, purpose"),
        (", owner: 院長", "tag_thirteenth lacks purpose"),
        (", purpose: 試験", "tag_thirteenth lacks owner"),
    ],
)
def test_d1_a_tag_without_owner_or_purpose_fails_naming_what_it_lacks(
    parsed: Path, tmp_path: Path, meta: str, lacks: str
) -> None:
    assert f"{lacks}: add it to its yml" in messages(parsed, tmp_path, meta, is_listed=True)


def test_a_tag_file_that_is_not_listed_fails_by_name(parsed: Path, tmp_path: Path) -> None:
    said = messages(parsed, tmp_path, ", owner: 院長, purpose: 試験", is_listed=False)
    assert "models/tags/ has tag_thirteenth but patient_tags.sql does not list it" in said


def test_a_model_that_is_not_what_its_contract_says_fails_the_build(
    parsed: Path, tmp_path: Path
) -> None:
    described = own_project(tmp_path) / "models" / "staging" / "stg_patient_merges.yml"
    text = described.read_text(encoding="utf-8")
    kept = "{name: into_patient_id, data_type: varchar"
    assert kept in text
    described.write_text(text.replace(kept, "{name: into_patient_no, data_type: varchar"))
    broken = (
        "contract broken: promised stg_patient_merges into_patient_no varchar;"
        " has stg_patient_merges into_patient_id varchar"
    )
    with pytest.raises(transform.DbtError, match=broken):
        said(parsed, tmp_path, ["--select", "+stg_patient_merges"])


@pytest.mark.parametrize("seed", sorted((DBT / "seeds").glob("*.csv")), ids=lambda path: path.stem)
def test_every_column_of_a_seed_has_a_type(seed: Path) -> None:
    """A column without one would not be in the table: see macros/seeds.sql."""
    described = yaml.safe_load((DBT / "seeds" / "seeds.yml").read_text(encoding="utf-8"))["seeds"]
    types = {each["name"]: each["config"]["column_types"] for each in described}
    header = seed.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert list(types[seed.stem]) == header
