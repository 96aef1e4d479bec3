"""Claim files (レセプト電算): every receipt with its diagnoses and visit days, in every dialect."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_builder import Exports

FILE, RETURNED = "RECEIPTC_202605.UKE", "RECEIPTC_202605.HEN"
IR = "IR,1,13,1,1312345,,試験医院,202606,00,03-0000-0000"
GO = "GO,1,500,99"
NAME = "漆原 千鶴"
MAY = date(2026, 5, 1)


def may(*days: int) -> list[tuple[date]]:
    return [(MAY.replace(day=day),) for day in days]


def record(kind: str, width: int, **cells: object) -> str:
    """Return one record: cells by position (c3="1"), all others empty."""
    row = [kind] + [""] * (width - 1)
    for at, cell in cells.items():
        row[int(at[1:])] = str(cell)
    return ",".join(row)


def receipt(number: int = 1, **cells: object) -> str:
    usual = {"c1": number, "c2": "1112", "c3": "202605", "c4": NAME, "c5": "2", "c6": "19700302"}
    return record("RE", 38, **{**usual, "c13": "0012", **cells})


def days(kind: str, first: int, width: int, marks: dict[int, object], **cells: object) -> str:
    return record(kind, width, **cells, **{f"c{first + day - 1}": m for day, m in marks.items()})


def jd(**marks: object) -> str:
    return days("JD", 2, 33, {int(day[1:]): mark for day, mark in marks.items()}, c1="1")


def si(code: str = "112007410", **marks: object) -> str:
    return days("SI", 13, 44, {int(day[1:]): mark for day, mark in marks.items()}, c3=code)


HO = record("HO", 15, c1="06132013", c4="2", c5="500")
SY = record("SY", 8, c1="8833421", c2="20240110", c3="1", c6="01")


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    feeds = {
        "claims": {"files": "RECEIPTC_{month}.UKE", "format": "uke", "mode": "delta"},
        "returned": {"files": "RECEIPTC_{month}.HEN", "format": "uke", "mode": "delta"},
    }
    return Exports(tmp_path, feeds, {"medical_institution_code": "1312345"})


def uke(*records: str, end: str = "\r\n") -> bytes:
    return end.join([*records, ""]).encode("cp932")


def land(exports: Exports, *records: str) -> None:
    """Land one claim file, made of these records between IR and GO."""
    exports.write(FILE, uke(IR, *records, GO))
    assert exports.report(FILE).error is None


def refused(exports: Exports, content: bytes, name: str = FILE) -> str:
    path = exports.write(name, content)
    report = exports.report(name)
    assert report.status == "quarantined"
    assert exports.kept_of(path) == []
    assert not [part for part in NAME.split() if part in str(exports.registry())]
    return str(report.error)


# --- The file -------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("tail", [b"", b"\x1a", b"\x1a\r\n", b"\r\n"])
def test_a_claim_file_lands_with_and_without_its_end_of_file_byte(
    exports: Exports, end: str, tail: bytes
) -> None:
    exports.write(FILE, uke(IR, receipt(), HO, SY, jd(d3=1, d17=1), GO, end=end) + tail)
    assert exports.report(FILE).error is None
    assert exports.rows(
        "uke_receipts", "patient_no", "sex", "birth_date", "service_month", "claimed_month",
        "facility_code", "insurer_no", "actual_days", "total_points", "is_inpatient", "is_returned",
    ) == [
        ("0012", "female", date(1970, 3, 2), MAY, date(2026, 6, 1), "1312345", "06132013", 2, 500,
         False, False)
    ]  # fmt: skip
    assert exports.rows("uke_visit_days", "visited_on") == may(3, 17)
    assert exports.rows("uke_totals", "declared_receipts", "declared_points") == [(1, 500)]


def test_columns_cut_off_at_the_end_of_a_record_are_empty_ones(exports: Exports) -> None:
    land(exports, *[each.rstrip(",") for each in (receipt(), HO, SY, si(d3=1))])
    assert exports.rows("uke_conditions", "code", "is_main") == [("8833421", True)]
    assert exports.rows("uke_visit_days", "visited_on") == may(3)


def test_dates_of_the_older_generation_are_the_same_days(exports: Exports) -> None:
    header = IR.replace("202606", "50806")
    old = receipt(c3="50805", c6="3450302")
    exports.write(FILE, uke(header, old, SY.replace("20240110", "5060110"), jd(d3=1), GO))
    assert exports.report(FILE).error is None
    columns = ("birth_date", "service_month", "claimed_month")
    assert exports.rows("uke_receipts", *columns) == [(date(1970, 3, 2), MAY, date(2026, 6, 1))]
    assert exports.rows("uke_conditions", "started_on") == [(date(2024, 1, 10),)]
    assert exports.rows("uke_visit_days", "visited_on") == may(3)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ((receipt(), GO), "line 1, record: found 'RE', expected IR (医療機関情報) first"),
        ((IR, SY, GO), "line 2, record: found 'SY', expected a record of IR, RE,"),
        (
            (IR, receipt(), "見出し,1", GO),
            "line 3, record: found '見… (3 characters)', expected a record of IR",
        ),
        (
            (IR.replace("1312345", "1399999"), receipt(), GO),
            "line 1, IR 医療機関コード: found '1399999', expected this clinic's 1312345",
        ),
        (
            (IR.replace("202606", "202613"), receipt(), GO),
            "line 1, IR 請求年月: found '202613', expected a month as YYYYMM or GYYMM",
        ),
        (
            (IR, receipt(c3="2026"), GO),
            "line 2, RE 診療年月: found '2026', expected a month as YYYYMM or GYYMM",
        ),
        (
            (IR, receipt(c6="19700230"), GO),
            "line 2, RE 生年月日: found '19700230', expected a date that exists",
        ),
        (
            (IR, receipt(c4="漆原,千,鶴"), GO),
            "line 2, RE 生年月日: found '1 characters that are no date'",
        ),
        ((IR, receipt(), f"{NAME},1", GO), "line 3, record: found '漆… (5 characters)'"),
        (
            (IR, receipt(), SY.replace("20240110", "20240231"), GO),
            "line 3, SY 診療開始日: found '20240231', expected a date that exists",
        ),
        (
            (IR, receipt(), record("SY", 8, c1="8833421", c3="5"), GO),
            "line 3, SY 転帰区分: found '5', expected one of 1, 2, 3, 4",
        ),
        (
            (IR, receipt(c3="202604"), si(d30=1, d31=1), GO),
            "line 3, SI 31日: found 'day 31 of 2026-04', expected a day of the month",
        ),
        (
            (IR, receipt(c3="202602"), jd(d29=1), GO),
            "line 3, JD 29日: found 'day 29 of 2026-02', expected a day of the month",
        ),
        (
            (IR, receipt(), SY, jd(d3=1)),
            "line 4, record: found 'the end of the file', expected GO (診療報酬請求書) last",
        ),
        ((), "line 1, record: found 'the end of the file', expected IR (医療機関情報) first"),
        (
            ("患者番号,氏名", IR, GO),
            "line 1, record: found '患… (4 characters)', expected IR (医療",
        ),
    ],
)
def test_what_is_no_claim_file_of_this_clinic_is_set_aside_whole_with_its_line(
    exports: Exports, records: tuple[str, ...], reason: str
) -> None:
    assert refused(exports, uke(*records)).startswith(reason)


def test_a_claim_file_of_another_encoding_is_set_aside(exports: Exports) -> None:
    content = "\r\n".join([IR, receipt(), GO]).encode("utf-8")
    assert "expected text in cp932" in refused(exports, content)


def test_one_bad_diagnosis_costs_only_itself_where_the_clinic_allows_it(exports: Exports) -> None:
    exports.more["limits"] = {"max_bad_rows": 1}
    exports.write(FILE, uke(IR, receipt(), SY.replace("20240110", "20240231"), SY, GO))
    report = exports.report(FILE)
    assert (report.status, report.bad_rows) == ("landed", 1)
    assert exports.rows("uke_conditions", "line_no") == [(4,)]


def test_a_returned_file_with_nothing_of_a_claim_in_it_is_set_aside(exports: Exports) -> None:
    assert "expected IR" in refused(exports, b"", RETURNED)


def test_returned_receipts_come_without_go_and_are_marked(exports: Exports) -> None:
    exports.write(RETURNED, uke(IR, receipt(), SY, jd(d3=1)))
    assert exports.report(RETURNED).error is None
    assert exports.rows("uke_receipts", "patient_no", "is_returned") == [("0012", True)]
    assert exports.rows("uke_visit_days", "visited_on") == may(3)


def test_two_claims_in_one_file_have_their_own_months_and_totals(exports: Exports) -> None:
    late = IR.replace("202606", "202607")
    exports.write(FILE, uke(IR, receipt(), GO, late, receipt(), receipt(2, c13="13"), GO))
    assert exports.report(FILE).error is None
    claimed = exports.rows("uke_receipts", "receipt_id", "claimed_month")
    assert claimed == [(1, date(2026, 6, 1)), (2, date(2026, 7, 1)), (3, date(2026, 7, 1))]
    assert exports.rows("uke_totals", "declared_receipts", "counted_receipts") == [(1, 1), (1, 2)]


def test_records_of_other_kinds_and_marks_that_are_no_numbers_are_let_pass(
    exports: Exports,
) -> None:
    within = ["SN,1", "MF,00", "BU,1,2", "CO,1,,810000001,①", "SJ,1", "HR,理由"]
    records = [receipt(), *within, si(d3="①"), HO.replace("500", "①")]
    exports.write(FILE, uke("MN,1", IR, *records, GO, "ZZ,1"))
    assert exports.report(FILE).error is None
    assert exports.rows("uke_receipts", "patient_no", "total_points") == [("0012", None)]
    assert exports.rows("uke_visit_days", "visited_on") == may(3)


# --- Visit days -----------------------------------------------------------------------------


def test_only_days_that_count_are_visits_and_jd_has_the_word_over_the_acts(
    exports: Exports,
) -> None:
    land(exports, receipt(), jd(d3=1, d5=2, d9=9, d12=1), si(d3=1, d5=1, d9=1, d12=1, d20=1))
    assert exports.rows("uke_visit_days", "visited_on", "record") == [
        (MAY.replace(day=3), "JD"), (MAY.replace(day=12), "JD"),
    ]  # fmt: skip
    # What was done is kept for every day that names it.
    assert exports.rows("uke_acts", "performed_on") == may(3, 5, 9, 12, 20)


def test_days_of_several_payers_are_one_set_of_days(exports: Exports) -> None:
    land(exports, receipt(), jd(d3=1), jd(d3=1, d7=1))
    assert exports.rows("uke_visit_days", "visited_on") == may(3, 7)


def test_without_jd_the_days_of_acts_drugs_and_materials_are_the_visits(exports: Exports) -> None:
    drug = days("IY", 13, 44, {2: 1, 31: 1}, c3="620000001")
    material = days("TO", 17, 48, {8: 1}, c3="700000001")
    land(exports, receipt(), si(d3=1, d4=0), drug, material)
    visits = exports.rows("uke_visit_days", "visited_on", "record")
    expected = [(2, "IY"), (3, "SI"), (8, "TO"), (31, "IY")]
    assert sorted(visits) == [(MAY.replace(day=day), kind) for day, kind in expected]
    acts = exports.rows("uke_acts", "code", "performed_on", "occurrences")
    assert ("112007410", MAY.replace(day=3), 1) in acts
    assert len(acts) == 4


def test_an_act_in_a_group_counts_its_day_though_it_has_no_code(exports: Exports) -> None:
    land(exports, receipt(), si(code="", d6=1))
    assert exports.rows("uke_visit_days", "visited_on") == may(6)
    assert exports.rows("uke_acts", "code") == []


@settings(max_examples=20, deadline=None)
@given(
    month=st.sampled_from(["202604", "202602", "202402", "50802", "202605"]),
    marks=st.dictionaries(st.integers(1, 31), st.sampled_from(["1", "2", "9", " ", ""])),
)
def test_the_days_of_jd_are_the_days_marked_1_or_the_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, month: str, marks: dict[int, str]
) -> None:
    last = {"202604": 30, "202602": 28, "202402": 29, "50802": 28, "202605": 31}[month]
    feed = {"files": "*.UKE", "format": "uke", "mode": "delta"}
    exports = Exports(tmp_path_factory.mktemp("uke"), {"claims": feed})
    said: dict[str, Any] = {f"d{day}": mark for day, mark in marks.items()}
    exports.write(FILE, uke(IR, receipt(c3=month), jd(**said), GO))
    report = exports.report(FILE)
    impossible = [day for day, mark in marks.items() if mark.strip() and day > last]
    assert (report.status == "quarantined") == bool(impossible)
    if not impossible:
        found = [day.day for (day,) in exports.rows("uke_visit_days", "visited_on")]
        assert found == sorted(day for day, mark in marks.items() if mark == "1")


# --- Receipts and diagnoses -----------------------------------------------------------------


def test_a_patient_may_have_two_receipts_in_a_month_each_with_its_own_records(
    exports: Exports,
) -> None:
    other = HO.replace("06132013", "01130012").replace("500", "80")
    land(exports, receipt(1), HO, SY, jd(d3=1), receipt(2, c2="1111"), other, jd(d20=1))
    assert exports.rows("uke_receipts", "receipt_id", "patient_no", "is_inpatient") == [
        (1, "0012", False), (2, "0012", True),
    ]  # fmt: skip
    assert exports.rows("uke_receipts", "insurer_no", "total_points") == [
        ("06132013", 500), ("01130012", 80),
    ]  # fmt: skip
    assert exports.rows("uke_conditions", "receipt_id") == [(1,)]
    assert exports.rows("uke_visit_days", "receipt_id", "visited_on") == [
        (1, MAY.replace(day=3)), (2, MAY.replace(day=20)),
    ]  # fmt: skip


def test_the_insurers_count_of_days_comes_before_a_public_payers(exports: Exports) -> None:
    public = record("KO", 12, c1="51136018", c4="9", c5="9")
    land(exports, receipt(1), HO, public, receipt(2), public)
    found = exports.rows("uke_receipts", "insurer_no", "actual_days")
    assert found == [("06132013", 2), ("51136018", 9)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1", "continued"), ("2", "cured"), ("3", "died"), ("4", "stopped"), ("", None)],
)
def test_the_outcome_of_a_diagnosis_is_what_its_code_says(
    exports: Exports, written: str, meant: str | None
) -> None:
    land(exports, receipt(), record("SY", 8, c1="8833421", c3=written))
    assert exports.rows("uke_conditions", "outcome", "started_on") == [(meant, None)]


def test_modifier_codes_and_uncoded_diagnoses_are_kept_as_written(exports: Exports) -> None:
    suspected = record("SY", 8, c1="8833421", c2="20240110", c4="20578002")
    free_text = record("SY", 8, c1="0000999", c2="20240110", c5="なにかの病名")
    land(exports, receipt(), suspected, free_text)
    assert exports.rows("uke_conditions", "code", "modifiers", "is_main") == [
        ("8833421", "20578002", False), ("0000999", None, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"c13": ""}, (None, "female", False)),
        ({"c13": "００１２", "c5": "1"}, ("0012", "male", False)),
        ({"c5": "", "c2": "1117"}, ("0012", "unknown", True)),
        ({"c2": "①"}, ("0012", "female", False)),
    ],
)
def test_a_receipt_that_leaves_something_out_is_kept_without_it(
    exports: Exports, cells: dict[str, str], found: tuple[object, ...]
) -> None:
    land(exports, receipt(**cells))
    assert exports.rows("uke_receipts", "patient_no", "sex", "is_inpatient") == [found]
