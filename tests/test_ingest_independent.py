"""Exports nobody here wrote: a public UKE and a public simulator's CSV."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.clinic import Clinic, load_clinic
from dagster_project.ingest import ingest_clinic

UKE_CLINIC = {
    "clinic_id": "kenpo",
    "name": "試験医院",
    "line": {"channel": "kenpo"},
    "feeds": {"uke": {"files": "*.UKE", "format": "uke", "mode": "delta"}},
}


@pytest.fixture(scope="module")
def uke(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uke")
    shutil.copy(shared_data / "uke" / "RECEIPTC_GAIRAI_SAMPLE.UKE", folder)
    landing = tmp_path_factory.mktemp("landing")
    clinic = Clinic.model_validate(UKE_CLINIC)
    report = ingest_clinic(clinic, folder, landing, date(2021, 11, 10))
    return report, landing / "kenpo"


def rows(folder: Path, sql: str):
    con = duckdb.connect()
    for path in folder.iterdir():
        con.execute(f"create view {path.name} as from read_parquet('{path}/*.parquet')").fetchall()
    return con.execute(sql).fetchall()


def test_the_public_uke_loads_whole(uke):
    report, landing = uke
    assert [(file.status, file.bad_rows) for file in report.files] == [("landed", 0)]
    assert rows(landing, "select count(*), count(distinct patient_no) from uke_receipts") == [
        (75, 75)
    ]
    assert rows(landing, "select count(*) from uke_conditions") == [(9,)]


def test_visit_days_of_the_public_uke_equal_its_own_count_in_every_receipt(uke):
    _, landing = uke
    equal = rows(
        landing,
        "select count(*) from uke_receipts r where r.actual_days ="
        " (select count(distinct visited_on) from uke_visit_days d"
        " where d.receipt_id = r.receipt_id)",
    )
    assert equal == [(75,)]


def test_go_mismatch_suspected_modifier_and_outcome_are_kept(uke):
    _, landing = uke
    assert rows(landing, "select declared_receipts, counted_receipts from uke_totals") == [
        (140, 75)
    ]
    assert rows(landing, "select count(*) from uke_conditions where modifiers like '%8002%'") != [
        (0,)
    ]
    assert rows(landing, "select count(*) from uke_conditions where outcome = 'stopped'") != [(0,)]


def test_a_simulators_csv_becomes_a_clinic_through_a_mapping_alone(shared_data, tmp_path):
    folder = tmp_path / "clinosim"
    shutil.copytree(shared_data / "clinosim" / "csv", folder)
    shutil.copy(Path(__file__).with_name("clinosim_clinic.yaml"), folder / "clinic.yaml")
    clinic = load_clinic(folder / "clinic.yaml")
    report = ingest_clinic(clinic, folder, tmp_path / "landing", date(2026, 10, 31))
    assert {file.status for file in report.files} == {"landed"}
    assert sorted(report.unrecognised) == ["diagnoses.csv", "prescriptions.csv", "procedures.csv"]
    landing = tmp_path / "landing" / "clinosim"
    assert rows(landing, "select count(distinct patient_no) from patients") == [(217,)]
    assert rows(landing, "select count(*) from patients where birth_date is not null") == [(0,)]
