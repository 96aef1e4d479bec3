"""Every tag equals the generator's truth, patient by patient."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from nights import MONDAY, UP_TO_TAGS, derive, tags_of

from dagster_project.sample import write_sample
from dagster_project.settings import ROOT

PATIENTS = 2_000
MONTH_END = date(2026, 8, 31)  # six months back there is no such day
LEAP_DAY = date(2028, 2, 29)
OUT_OF_SEASON = {"influenza_due", "covid_due"}  # on the bundled day, in June
CLINICS = ("aozora", "hinata")


def truth_of(path: Path) -> dict[tuple[str, str], str]:
    rows = pq.read_table(path).to_pylist()
    return {(row["patient_id"], row["tag"]): row["state"] for row in rows}


@pytest.mark.parametrize(("seed", "as_of"), [(1, MONDAY), (2, MONTH_END), (3, LEAP_DAY)])
def test_two_thousand_patients_hold_exactly_what_they_were_made_to_hold(
    tmp_path: Path, parsed: Path, seed: int, as_of: date
) -> None:
    write_sample(tmp_path / "exports", PATIENTS, seed, as_of)
    for clinic_id in CLINICS:
        truth = truth_of(tmp_path / "exports" / "truth" / f"{clinic_id}.parquet")
        folder = tmp_path / "exports" / clinic_id
        with derive(folder, tmp_path / "data", as_of, parsed, UP_TO_TAGS) as con:
            found = tags_of(con)
        wrong = {key for key in truth | found if truth.get(key) != found.get(key)}
        assert not wrong, sorted(wrong)[:10]


@pytest.fixture(scope="module")
def bundled() -> dict[tuple[str, str], str]:
    return {
        (f"{clinic_id}/{patient}", tag): state
        for clinic_id in CLINICS
        for (patient, tag), state in truth_of(
            ROOT / "exports" / "truth" / f"{clinic_id}.parquet"
        ).items()
    }


def test_the_bundled_clinics_have_members_of_every_tag(bundled: dict[tuple[str, str], str]) -> None:
    tags = {path.stem[4:] for path in (ROOT / "dbt" / "models" / "tags").glob("*/tag_*.sql")}
    members = {tag for (_, tag), state in bundled.items() if state == "has"}
    # What patients say of themselves needs a chat, which no export holds.
    said = {path.stem[4:] for path in (ROOT / "dbt/models/tags/answers").glob("tag_*.sql")}
    assert members == tags - OUT_OF_SEASON - said
    assert len(tags) == 98


def test_the_bundled_clinics_are_what_the_generator_writes(tmp_path: Path) -> None:
    write_sample(tmp_path, 120, 1, MONDAY)
    names = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    kept = sorted(
        p.relative_to(ROOT / "exports") for p in (ROOT / "exports").rglob("*") if p.is_file()
    )
    assert kept == names
    same = [n for n in names if (tmp_path / n).read_bytes() == (ROOT / "exports" / n).read_bytes()]
    assert same == names
