"""A day is read in every way Japanese systems write it, or it is an error: never a guess."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ingest_builder import Exports, patients

from dagster_project.ingest.dates import parse_date, parse_month

ERAS = [  # first day, kanji, letter, digit of older UKE files
    (date(2019, 5, 1), "令和", "R", "5"),
    (date(1989, 1, 8), "平成", "H", "4"),
    (date(1926, 12, 25), "昭和", "S", "3"),
    (date(1912, 7, 30), "大正", "T", "2"),
    (date(1868, 10, 23), "明治", "M", "1"),
]
FULL_WIDTH = str.maketrans("0123456789./-STHRM", "０１２３４５６７８９．／－ＳＴＨＲＭ")
WAREKI_FEED = {
    "records": [
        {
            "dataset": "patients",
            "columns": {
                "patient_no": "患者番号",
                "birth_date": {"wareki": ["年号", "生年", "月", "日"]},
            },
        }
    ]
}


def born(exports: Exports, *cells: str) -> list[date | None]:
    """Return the birth dates that a patient list with these cells lands."""
    body = "".join(f"{n},,男,{cell},\n" for n, cell in enumerate(cells))
    exports.write("patients_20260601.csv", f"患者番号,氏名,性別,生年月日,メモ\n{body}")
    report = exports.report("patients_20260601.csv")
    assert report.error is None
    return [birth for (birth,) in exports.rows("patients", "birth_date")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("S45.3.2", date(1970, 3, 2)),
        ("s45.03.02", date(1970, 3, 2)),
        ("S.45. 3. 2", date(1970, 3, 2)),
        ("昭45-3-2", date(1970, 3, 2)),
        ("Ｓ４５．３．２", date(1970, 3, 2)),
        ("3450302", date(1970, 3, 2)),
        ("S450302", date(1970, 3, 2)),
        ("昭和45年 3月 2日", date(1970, 3, 2)),
        ("1970年3月2日", date(1970, 3, 2)),
        ("1970/3/2", date(1970, 3, 2)),
        ("1970-03-02", date(1970, 3, 2)),
        ("19700302", date(1970, 3, 2)),
        ("１９７０／０３／０２", date(1970, 3, 2)),
        ("1970/3/2 0:00:00", date(1970, 3, 2)),
        ("H1/03/02", date(1989, 3, 2)),
        ("㍻元年3月2日", date(1989, 3, 2)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("R元.5.1", date(2019, 5, 1)),
        ("5010501", date(2019, 5, 1)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("H31.4.30", date(2019, 4, 30)),
        ("T15/12/24", date(1926, 12, 24)),
        ("M45.7.29", date(1912, 7, 29)),
        ("1450729", date(1912, 7, 29)),
        ("2000-02-29", date(2000, 2, 29)),
        # An instant is the day it is in Japan.
        ("2026-05-31T15:00:00Z", date(2026, 6, 1)),
        ("2026-05-31T14:59:59Z", date(2026, 5, 31)),
    ],
)
def test_every_spelling_of_a_day_is_that_day(tmp_path: Path, written: str, meant: date) -> None:
    assert born(patients(tmp_path), written) == [meant]


@pytest.mark.parametrize(
    "written",
    ["", " ", "　", "0", "00000000", "0000-00-00", "0000/00/00", "  /  /  ", "年 月 日",
     "99999999", "9999-12-31"],
)  # fmt: skip
def test_what_systems_write_for_no_date_is_no_date(tmp_path: Path, written: str) -> None:
    assert born(patients(tmp_path), written) == [None]


@pytest.mark.parametrize(
    "written",
    ["H2.2.30", "2.2.30", "19990229", "2026/13/1", "2026-00-10", "S45.3", "S0.3.2", "X45.3.2",
     "6010101", "450302", "昭和45年", "1866/1/1", "2300-01-01", "3450231", "1970/3/2/1",
     "19700302 午前"],
)  # fmt: skip
def test_a_day_that_does_not_exist_is_an_error_that_shows_what_to_write(
    tmp_path: Path, written: str
) -> None:
    exports = patients(tmp_path)
    exports.write("patients_20260601.csv", f"患者番号,氏名,性別,生年月日,メモ\n1,,男,{written},\n")
    report = exports.report("patients_20260601.csv")
    assert report.status == "quarantined"
    assert report.error is not None
    assert report.error.startswith("line 2, 生年月日: found ")
    assert "expected a date that exists, such as 1970/3/2, 19700302, S45.3.2" in report.error


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("R1.5.1", date(2019, 5, 1)),
        ("H31.5.1", date(2019, 5, 1)),
        ("R1.4.30", date(2019, 4, 30)),  # not yet Reiwa, yet nobody could mean another day
        ("H31.4.30", date(2019, 4, 30)),
        ("H1.1.8", date(1989, 1, 8)),
        ("H1.1.7", date(1989, 1, 7)),
        ("S64.1.7", date(1989, 1, 7)),
        ("S64.1.8", date(1989, 1, 8)),
        ("S1.12.25", date(1926, 12, 25)),
        ("T15.12.25", date(1926, 12, 25)),
        ("T1.7.30", date(1912, 7, 30)),
        ("M45.7.30", date(1912, 7, 30)),
    ],
)
def test_both_sides_of_an_era_boundary_are_read_by_arithmetic(written: str, meant: date) -> None:
    assert parse_date(written) == meant


def test_a_birth_date_in_four_columns_is_one_day(tmp_path: Path) -> None:
    exports = patients(tmp_path, **WAREKI_FEED, ignore=[])
    rows = [
        "1,昭和,45,3,2", "2,S,45,03,02", "3,３,４５,３,２", "4,令,元,5,1", "5,平成,元,1,8",
        "6,,,,", "7,0,0,0,0", "8,,00,00,00",
    ]  # fmt: skip
    exports.write("patients_20260601.csv", "\n".join(["患者番号,年号,生年,月,日", *rows]))
    assert exports.report("patients_20260601.csv").error is None
    assert exports.rows("patients", "birth_date") == [
        (date(1970, 3, 2),), (date(1970, 3, 2),), (date(1970, 3, 2),), (date(2019, 5, 1),),
        (date(1989, 1, 8),), (None,), (None,), (None,),
    ]  # fmt: skip


@pytest.mark.parametrize("row", ["平成,2,2,30", "平成,,2,3", ",45,3,2", "安政,3,2,1", "昭和,45,3,"])
def test_four_columns_that_make_no_day_are_an_error(tmp_path: Path, row: str) -> None:
    exports = patients(tmp_path, **WAREKI_FEED, ignore=[])
    exports.write("patients_20260601.csv", f"患者番号,年号,生年,月,日\n1,{row}\n")
    report = exports.report("patients_20260601.csv")
    assert report.status == "quarantined"
    assert "line 2, birth_date" in str(report.error)


@pytest.mark.parametrize(
    ("written", "first"),
    [("202605", date(2026, 5, 1)), ("50805", date(2026, 5, 1)), ("43104", date(2019, 4, 1))],
)
def test_a_month_of_a_claim_is_read_in_both_generations(written: str, first: date) -> None:
    assert parse_month(written) == first


@pytest.mark.parametrize("written", ["", "202613", "2026", "000000", "60101", "999912", "2026-5"])
def test_what_is_no_month_is_an_error(written: str) -> None:
    with pytest.raises(ValueError, match="YYYYMM or GYYMM"):
        parse_month(written)


def spellings(day: date) -> list[str]:
    """Every way to write one day; the era is the one that day was in."""
    start, kanji, letter, digit = next(era for era in ERAS if day >= era[0])
    year, month, of_month = day.year - start.year + 1, day.month, day.day
    written = [
        day.isoformat(), f"{day:%Y%m%d}", f"{day.year}/{month}/{of_month}",
        f"{day.year}年{month}月{of_month}日",
        f"{kanji}{year}年{month}月{of_month}日", f"{kanji[0]}{year}.{month}.{of_month}",
        f"{letter}{year}.{month}.{of_month}",
        f"{letter.lower()}{year:02}/{month:02}/{of_month:02}",
        f"{letter}{year:02}{month:02}{of_month:02}", f"{digit}{year:02}{month:02}{of_month:02}",
    ]  # fmt: skip
    if year == 1:
        written.append(f"{kanji}元年{month}月{of_month}日")
    return written + [each.translate(FULL_WIDTH) for each in written]


@settings(max_examples=150, deadline=None)
@given(st.dates(date(1868, 10, 23), date(2100, 12, 31)))
@example(date(1989, 1, 7))
@example(date(1989, 1, 8))
@example(date(2019, 4, 30))
@example(date(2019, 5, 1))
@example(date(2000, 2, 29))
def test_a_day_written_in_any_style_reads_back_as_that_day(day: date) -> None:
    assert {text: parse_date(text) for text in spellings(day)} == dict.fromkeys(spellings(day), day)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789./-年月日元昭和平成令SHR 　", max_size=12))
def test_whatever_a_date_cell_holds_it_is_a_day_or_no_day_or_an_error(cell: str) -> None:
    try:
        found = parse_date(cell)
    except ValueError:
        return
    assert found is None or 1868 <= found.year <= 2199
