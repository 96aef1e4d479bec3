"""What the checks see of the exports: volumes, freshness, keys, ranges; and what each one stops."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ingest_builder import HEADER, PATIENTS, TODAY, VISITS, Exports

from dagster_project.checks.profiles import profile, profile_exports
from dagster_project.checks.run import run_suite
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build
from dagster_project.settings import TOKYO

DAY = timedelta(days=1)
MEASURES: dict[str, Any] = {
    "files": "measures_{date}.csv",
    "format": "csv",
    "mode": "delta",
    "encoding": "utf-8",
    "records": [
        {
            "dataset": "observations",
            "columns": {"patient_no": "番号", "observed_on": "日", "item": "項目", "value": "値"},
        }
    ],
}
FULL_VISITS = {**VISITS, "files": "visits_{date}.csv", "mode": "full"}
MONTHLY_VISITS = {**VISITS, "files": "visits_{month}.csv", "mode": "full"}
CLAIMS = {"files": "RECEIPTC_{month}.UKE", "format": "uke", "mode": "delta"}


def visits(count: int, day: date = TODAY, department: str = "内科") -> str:
    rows = (f"{n},{day - n % 9 * DAY},{department}" for n in range(1, count + 1))
    return "\n".join(["患者番号,来院日,科", *rows])


def uke(*receipts: str, declared: int) -> bytes:
    header = "IR,1,13,1,1312345,,試験医院,202606,00,"
    return "\r\n".join([header, *receipts, f"GO,{declared},0,99"]).encode("cp932")


def receipt(patient_no: str) -> str:
    return f"RE,1,1112,202605,,2,19700302,,,,,,,{patient_no}"


@contextmanager
def warehouse(
    exports: Exports, as_of: date, published: Sequence[str] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Land the folder and open tonight's warehouse; `published` names files of the last one."""
    exports.land(as_of)
    work = exports.root / "work" / "warehouse.duckdb"
    build = Build("clinic", "test", as_of, datetime(2026, 6, 1, 2, tzinfo=TOKYO))
    prepare(work, Night(build, exports.clinic(), exports.root / "landing", Path("none")))
    with duckdb.connect(str(work)) as con:
        for row in exports.registry():
            if row["name"] in published:
                file_id = [row["file_id"]]
                con.execute(
                    "insert into previous.source_files (file_id) values (?)", file_id
                ).fetchall()
        yield con


def seen(
    exports: Exports, feed: str, as_of: date = TODAY, published: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what tonight's profile says of one feed."""
    with warehouse(exports, as_of, published) as con:
        found = profile_exports(con, exports.clinic(), exports.root / "landing", as_of)
    (row,) = found[found.feed == feed].to_dict("records")
    return {str(key): value for key, value in row.items()}


def volume(row: dict[str, Any]) -> tuple[int, int]:
    return row["rows"], row["rows_before"]


# --- Volumes --------------------------------------------------------------------------------


def test_a_dump_is_measured_against_the_one_before_and_a_delta_against_none(
    tmp_path: Path,
) -> None:
    exports = Exports(tmp_path, {"full": FULL_VISITS, "delta": {**VISITS, "files": "v_{date}.csv"}})
    for prefix in ("visits", "v"):
        exports.write(f"{prefix}_20260530.csv", visits(40 if prefix == "v" else 41))
        exports.write(f"{prefix}_20260601.csv", visits(20 if prefix == "v" else 21))
    assert volume(seen(exports, "full")) == (21, 41)
    assert seen(exports, "full")["rows_floor"] == 28
    assert volume(seen(exports, "delta")) == (20, 0)


def test_the_same_dump_again_is_no_history_of_its_own(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"full": FULL_VISITS})
    exports.write("visits_20260529.csv", visits(40))
    for day in (30, 31):
        exports.write(f"visits_202605{day}.csv", visits(20))
    row = seen(exports, "full")
    assert volume(row) == (20, 40)
    assert row["exported_on"] == "2026-05-30"


@pytest.mark.parametrize("second", ["visits_20260601.csv", "visits_20260602.csv"])
def test_a_dump_cut_off_twice_is_measured_against_the_last_one_that_was_published(
    tmp_path: Path, second: str
) -> None:
    exports = Exports(tmp_path, {"full": FULL_VISITS})
    exports.write("visits_20260530.csv", visits(40))
    seen(exports, "full")
    exports.write("visits_20260601.csv", visits(20))
    assert volume(seen(exports, "full", TODAY, ["visits_20260530.csv"])) == (20, 40)
    exports.write(second, visits(19))
    assert volume(seen(exports, "full", TODAY + DAY, ["visits_20260530.csv"])) == (19, 40)


def test_a_month_is_measured_against_the_dump_before_of_that_month_alone(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"monthly": MONTHLY_VISITS})
    exports.write("visits_202604.csv", visits(40))
    exports.write("visits_202605.csv", visits(20))
    row = seen(exports, "monthly")
    # A short month, or one that has just begun, is no shrunken one.
    assert row["rows_before"] == 0
    exports.write("visits_202605.csv", visits(22))
    exports.write("visits_202604.csv", visits(24))
    row = seen(exports, "monthly")
    assert (row["period"], *volume(row)) == ("202604", 24, 40)
    exports.write("visits_202604.csv", visits(41))
    row = seen(exports, "monthly")
    assert row["rows"] >= row["rows_floor"]


# --- What is odd counts only while it counts ------------------------------------------------


def test_colliding_patient_numbers_block_until_a_dump_without_them_arrives(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"patients": PATIENTS})
    # 0012 and 12 are one patient to every other table, and were born on two days.
    two = f"{HEADER}\n0012,,女,1970/3/2,\n12,,女,1980/3/2,\n"
    exports.write("patients_20260530.csv", two)
    assert seen(exports, "patients")["conflicting_numbers"] == 1
    exports.write("patients_20260601.csv", two.replace("1980", "1970"))
    assert seen(exports, "patients")["conflicting_numbers"] == 0


def test_bad_rows_and_odd_values_of_a_dump_are_forgotten_with_it(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"full": FULL_VISITS}, {"limits": {"max_bad_rows": 5}})
    odd = ["9,2026/6/9,皮フ科", "■,2026/5/1,", "7,,", "6,2026/5/40,"]
    exports.write("visits_20260530.csv", "\n".join([visits(9), *odd]))
    counts = ("bad_rows", "future_dates", "unknown_departments", "blank_keys")
    exports.more["departments"] = {"内科": "01"}
    row = seen(exports, "full")
    assert [row[name] for name in counts] == [1, 1 + 2, 1, 1]
    assert row["replaced_characters"] == 1
    exports.write("visits_20260601.csv", visits(9))
    row = seen(exports, "full")
    assert [row[name] for name in counts] == [0, 0, 0, 0]


def test_values_nobody_can_have_are_counted_and_values_of_another_kind_are_not(
    tmp_path: Path,
) -> None:
    exports = Exports(tmp_path, {"patients": PATIENTS, "measures": MEASURES})
    births = ["1,,女,1906/6/1,", "2,,女,1906/5/31,", "3,,女,,"]
    exports.write("patients_20260601.csv", "\n".join([HEADER, *births]))
    values = ["85.5", "0", "-3", "陰性", "", "inf", "1000000", "10000000"]
    rows = [f"1,2026/5/1,waist_cm,{value}" for value in values]
    exports.write(
        "measures_20260601.csv", "\n".join(["番号,日,項目,値", *rows, "2,,bmi,1", "2,2026/5/1,,1"])
    )
    assert seen(exports, "patients")["unlikely_values"] == 1
    found = seen(exports, "measures")
    assert (found["unlikely_values"], found["blank_keys"]) == (4, 2)


# --- Claims ---------------------------------------------------------------------------------


def test_receipts_without_a_patient_number_are_counted_per_claim_file(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"claims": CLAIMS})
    exports.write("RECEIPTC_202604.UKE", uke(receipt("12"), declared=1))
    exports.write("RECEIPTC_202605.UKE", uke(receipt(""), receipt("　"), receipt("3"), declared=3))
    with warehouse(exports, TODAY) as con:
        found = profile(con, "uke").sort_values("receipts")
    assert found.receipts_without_patient.tolist() == [0, 2]
    assert found.receipts.tolist() == found.declared_receipts.tolist() == [1, 3]


def test_a_claim_file_without_the_receipts_it_declares_is_seen(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"claims": CLAIMS})
    exports.write("RECEIPTC_202605.UKE", uke(declared=140))
    exports.write("RECEIPTC_202607.UKE", uke(receipt(""), declared=1))
    with warehouse(exports, TODAY + 90 * DAY) as con:
        assert sorted(profile(con, "uke").counted_receipts) == [0, 1]
    with warehouse(exports, TODAY) as con:  # which file holds what is not known before its day
        found = profile(con, "uke")
    assert found[["receipts", "declared_receipts", "counted_receipts"]].values.tolist() == [
        [0, 140, 0]
    ]


# --- The suites -----------------------------------------------------------------------------


def test_every_check_of_the_exports_goes_red_for_its_own_reason(tmp_path: Path) -> None:
    feeds = {
        "patients": {**PATIENTS, "required": True},
        "visits": {**FULL_VISITS, "max_age_open_days": 1},
        "absent": {**VISITS, "files": "nothing_{date}.csv", "required": True},
        "measures": MEASURES,
        "claims": CLAIMS,
    }
    departments = {"departments": {"内科": "01"}, "limits": {"max_bad_rows": 1}}
    exports = Exports(tmp_path, feeds, departments)
    exports.write("patients_20260530.csv", f"{HEADER}\n1,,女,1970/3/2,\n")
    exports.write("patients_20260601.csv", f"{HEADER}\n1,,女,1970/3/2,\n".replace("生年", "誕生年"))
    exports.write("visits_20260520.csv", visits(40))
    exports.write("visits_20260521.csv", visits(20, department="皮フ科"))
    odd = ["■1,2026/5/1,bmi,20", "1,,bmi,20", "1,2026/5/1,bmi,-1", "1,2026/7/1,bmi,20", "1,x,bmi,1"]
    exports.write("measures_20260601.csv", "\n".join(["番号,日,項目,値", *odd]))
    exports.write("RECEIPTC_202605.UKE", uke(receipt(""), "HO,06132013,,,2,10", declared=2))
    with warehouse(exports, TODAY) as con:
        found = profile_exports(con, exports.clinic(), exports.root / "landing", TODAY)
        results = [*run_suite("exports", found), *run_suite("uke", profile(con, "uke"))]
    red = {result.spec.name: result for result in results if not result.is_passed}
    # Colliding numbers would need a patient list that lands: see above.
    assert {r.spec.name for r in results} - set(red) == {"patient_numbers_do_not_collide"}
    stops = {name for name, result in red.items() if result.spec.is_blocking}
    assert stops == {
        "no_file_in_quarantine", "required_files_arrived", "volume_near_last_export",
        "export_is_fresh",
    }  # fmt: skip
    assert "誕生年月日" in red["no_file_in_quarantine"].found
    assert red["volume_near_last_export"].found == (
        "feed=visits, period=, rows=20, rows_floor=28, rows_before=40"
    )
    assert red["receipts_have_patient_numbers"].found == "receipts=1, receipts_without_patient=1"
