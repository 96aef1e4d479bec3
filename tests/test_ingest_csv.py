"""Vendor CSV as clinics really export it: read as declared, or set aside with a clear reason."""

import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_builder import HEADER, NAME, ROW, Exports, patients

from dagster_project.ingest import decode

FILE = "patients_20260601.csv"
KEYS = ("patient_no", "sex", "birth_date")
PATIENT = ("0012", "female", date(1970, 3, 2))
WARDS = {
    "records": [
        {
            "dataset": "visits",
            "columns": {"patient_no": "カルテ番号", "visited_on": "受診日", "department": "科名"},
        }
    ],
    "ignore": [],
}


def csv_of(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows, ""])


def landed(exports: Exports) -> list[tuple[Any, ...]]:
    """Land the one file and return its records."""
    report = exports.report(FILE)
    assert (report.status, report.error) == ("landed", None)
    return exports.rows("patients", *KEYS)


def refused(exports: Exports) -> str:
    """Land the one file, which is to be set aside whole, and return the reason."""
    report = exports.report(FILE)
    assert report.status == "quarantined"
    assert exports.kept_of(exports.folder / FILE) == []
    assert NAME not in str(exports.registry())
    return str(report.error)


def test_an_answer_in_words_becomes_its_number_and_any_other_cell_stays_as_it_is(
    tmp_path: Path,
) -> None:
    measure = {"header": "喫煙", "item": "smoking_code", "values": {"はい": 1, "いいえ": 3}}
    columns = {"patient_no": "番号", "observed_on": "日"}
    record = {"dataset": "observations", "columns": columns, "measures": [measure]}
    feed = {"files": "k_{date}.csv", "format": "csv", "mode": "full", "encoding": "utf-8"}
    exports = Exports(tmp_path, {"checkups": {**feed, "records": [record]}})
    rows = [f"{n},2026/5/1,{cell}" for n, cell in enumerate([" はい", "いいえ", "2", "拒否", ""])]
    exports.write("k_20260601.csv", csv_of(*rows, header="番号,日,喫煙"))
    assert exports.report("k_20260601.csv").error is None
    found = exports.rows("observations", "patient_no", "item", "value")
    values = [("0", "1"), ("1", "3"), ("2", "2"), ("3", "拒否")]
    assert found == [(number, "smoking_code", value) for number, value in values]


# --- Encodings, line ends, delimiters -------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "written"), [("cp932", "cp932"), ("utf-8-sig", "utf-8-sig"), ("utf-8", "utf-8")]
)
def test_the_declared_encoding_is_read(tmp_path: Path, encoding: str, written: str) -> None:
    exports = patients(tmp_path, encoding=encoding)
    # ①, ㈱, 髙 and 﨑 are CP932 and no Shift_JIS.
    exports.write(FILE, csv_of("0012,髙﨑 ①,女,1970/3/2,㈱"), written)
    assert landed(exports) == [PATIENT]


def test_a_byte_order_mark_nobody_declared_is_an_error_that_names_the_encoding(
    tmp_path: Path,
) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, csv_of(ROW), "utf-8-sig")
    assert refused(exports) == "line 1: found 'a byte order mark', expected encoding: utf-8-sig"


def test_half_width_kana_and_full_width_digits_are_the_same_patient_and_department(
    tmp_path: Path,
) -> None:
    exports = patients(tmp_path, encoding="cp932", **WARDS)
    rows = ["００１２,２０２６／６／１,ﾘﾊﾋﾞﾘ科", "0012,2026/6/1,リハビリ科"]
    exports.write(FILE, csv_of(*rows, header="ｶﾙﾃ番号,受診日,科名"), "cp932")
    assert exports.report(FILE).error is None
    same = ("0012", date(2026, 6, 1), "リハビリ科")
    assert exports.rows("visits", "patient_no", "visited_on", "department") == [same, same]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("is_ended", [True, False])
def test_lines_may_end_in_lf_crlf_or_cr_and_the_last_one_in_nothing(
    tmp_path: Path, end: str, *, is_ended: bool
) -> None:
    exports = patients(tmp_path)
    text = csv_of(ROW, ROW.replace("0012", "13"), end=end)
    exports.write(FILE, text if is_ended else text.removesuffix(end))
    assert landed(exports) == [PATIENT, ("13", *PATIENT[1:])]


def test_cells_joined_with_three_characters_may_hold_commas(tmp_path: Path) -> None:
    exports = patients(tmp_path, delimiter=",:,", quoting="none")
    exports.write(FILE, csv_of(ROW, ROW.replace(NAME, "a,b")).replace(",", ",:,").replace(
        "a,:,b", "a,b"))  # fmt: skip
    assert landed(exports) == [PATIENT, PATIENT]


def test_quoted_cells_may_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    quoted = '0012,"漆原, ""千鶴""\n様",女,1970/3/2,'
    exports.write(FILE, csv_of(quoted, "13,x,女,平成2年2月30日,"))
    # The line of an error is the file's line, also after a cell with a line end in it.
    assert refused(exports).startswith("line 4, 生年月日")
    exports.write(FILE, csv_of(quoted))
    assert landed(exports) == [PATIENT]


def test_a_quote_that_never_closes_names_the_line_it_opens_on(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, csv_of(ROW, f'13,"{NAME},女,1970/3/2,', ROW))
    assert refused(exports).startswith("line 3: found 'a broken quotation'")


def test_a_file_name_from_a_mac_is_the_same_name(tmp_path: Path) -> None:
    exports = patients(tmp_path, files="カルテ一覧グループ_{date}.csv")
    name = unicodedata.normalize("NFD", "カルテ一覧グループ_20260601.csv")
    exports.write(name, csv_of(ROW))
    assert exports.report(name).status == "landed"


# --- What surrounds the data ----------------------------------------------------------------


def test_title_lines_blank_rows_footer_and_trailing_commas_are_no_patients(tmp_path: Path) -> None:
    exports = patients(tmp_path, footer=["合計"])
    above = ["患者一覧表,,,,", "出力日,2026/6/1", "", HEADER + ",,"]
    below = [ROW + ",,", "", ",,,,", ROW.replace("0012", "13") + ",,", "合計,2,,,", "以上,おわり"]
    exports.write(FILE, "\r\n".join(above + below))
    assert landed(exports) == [PATIENT, ("13", *PATIENT[1:])]
    assert exports.rows("patients", "line_no") == [(5,), (8,)]


def test_the_same_row_twice_lands_twice_because_landing_judges_nothing(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, csv_of(ROW, ROW))
    assert landed(exports) == [PATIENT, PATIENT]


def test_a_list_without_patients_lands_as_an_empty_list(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, HEADER)
    assert landed(exports) == []


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "\x00\x00\x00"])
def test_a_file_without_a_header_is_an_error(tmp_path: Path, content: str) -> None:
    exports = patients(tmp_path, encoding="utf-8-sig")
    exports.write(FILE, content)
    reason = refused(exports)
    assert reason.startswith("line 1, header: found 'no known header in the first 21 lines'")
    assert "expected header 患者番号, 性別, 生年月日" in reason


# --- Headers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (
            "患者番号,氏名,性別,生年月日,メモ,紹介元",
            (
                "line 1, header: found '紹介元', expected only declared headers: map it, or add it"
                " to `ignore`, in clinic.yaml"
            ),
        ),
        (
            "患者番号,氏名,性,生年月日,メモ,",
            (
                "line 1, header: found '性', expected header 性別; if renamed, add the new name in"
                " clinic.yaml"
            ),
        ),
        (
            "患者番号,氏名,性別,性別,生年月日,メモ",
            "line 1, header: found '性別', expected each mapped header once",
        ),
        (
            "患者番号,氏名,,性別,生年月日,メモ",
            (
                "line 1, header: found 'an empty header in column 3', expected only declared"
                " headers: map it, or add it to `ignore`, in clinic.yaml"
            ),
        ),
    ],
)
def test_a_header_nobody_declared_names_what_was_found_and_expected(
    tmp_path: Path, header: str, reason: str
) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, csv_of(header=header))
    assert refused(exports) == reason


def test_the_order_of_columns_and_an_ignored_header_twice_do_not_matter(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, csv_of("1970/3/2,,女,,0012", header="生年月日,メモ,性別,メモ,患者番号"))
    assert landed(exports) == [PATIENT]


def test_a_list_without_its_header_row_is_an_error_and_shows_no_patient(tmp_path: Path) -> None:
    exports = patients(tmp_path, ignore=["氏名", "メモ", ""])
    exports.write(FILE, f"A12,{NAME},,1970/3/2,x\nA13,{NAME},,1970/3/2,x")
    assert "no known header" in refused(exports)


def test_a_value_that_happens_to_be_a_header_does_not_show_its_row(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, "\n".join([f"0012,{NAME},性別,1970/3/2,"]))
    assert "no known header" in refused(exports)


# --- Rows -----------------------------------------------------------------------------------


def test_a_comma_in_an_unquoted_name_is_a_wrong_number_of_columns(tmp_path: Path) -> None:
    exports = patients(tmp_path, quoting="none")
    exports.write(FILE, csv_of(ROW, "13,漆原,千鶴,女,1970/3/2,"))
    assert refused(exports) == "line 3: found '6 columns', expected 5 columns"


def test_a_comma_in_the_first_unquoted_name_is_no_trailing_comma(tmp_path: Path) -> None:
    exports = patients(tmp_path, quoting="none", **WARDS)
    # 科名 becomes a blank and nothing else is wrong with the row but its length.
    rows = ["12,2026/6/1,内科,", "12,2026/6/1,内科", "13,2026/6/1,内科"]
    exports.write(FILE, csv_of(*rows, header="カルテ番号,受診日,科名"))
    assert refused(exports) == "line 2: found '4 columns', expected 3 columns"


def test_unquoted_rows_that_all_end_in_a_comma_are_as_wide_as_their_header(tmp_path: Path) -> None:
    exports = patients(tmp_path, quoting="none")
    exports.write(FILE, csv_of(ROW + ",", ROW + ","))
    assert landed(exports) == [PATIENT, PATIENT]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("13", "line 3: found '1 columns', expected 5 columns"),
        ("13,x,女,1970/3/2,,余り", "line 3: found '6 columns', expected 5 columns"),
        (
            ",x,女,1970/3/2,",
            "line 3, 患者番号: found '', expected a value: the row belongs to nobody",
        ),
        (
            "13,x,9,1970/3/2,",
            (
                "line 3, 性別: found '9', expected one of '男', '女'; or add it under `values` in"
                " clinic.yaml"
            ),
        ),
        (
            "13,x,女,1970/13/2,",
            (
                "line 3, 生年月日: found '1970/13/2', expected a date that exists, such as"
                " 1970/3/2, 19700302, S45.3.2 or 昭和45年3月2日"
            ),
        ),
    ],
)
def test_a_bad_row_names_line_column_found_and_expected(
    tmp_path: Path, row: str, reason: str
) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, csv_of(ROW, row, ROW))
    assert refused(exports) == reason


@pytest.mark.parametrize("bad", [2, 3])
def test_bad_rows_are_left_out_and_counted_and_one_too_many_refuses_the_file(
    tmp_path: Path, bad: int
) -> None:
    exports = patients(tmp_path)
    exports.more = {"limits": {"max_bad_rows": 2}}
    exports.write(FILE, csv_of(ROW, *["13,x,女,1970/2/30,"] * bad, ROW))
    if bad == 3:
        assert refused(exports).startswith("line 3, 生年月日")
        return
    report = exports.report(FILE)
    assert (report.status, report.rows, report.bad_rows) == ("landed", 2, 2)
    # The first of them is kept, for a person to find it.
    assert str(report.error) == "None"
    (row,) = exports.registry()
    assert (row["error_line"], row["error_column"]) == (3, "生年月日")
    assert exports.rows("patients", "line_no") == [(2,), (5,)]


def test_a_bad_row_after_thousands_of_good_ones_still_leaves_nothing_of_the_file(
    tmp_path: Path,
) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, csv_of(*[ROW] * 5_000, "13,x,女,1970/2/30,"))
    assert refused(exports).startswith("line 5002, 生年月日")
    assert not list((exports.landing / "patients").iterdir())


def test_a_bad_row_gives_nothing_to_any_of_the_datasets_it_would_feed(tmp_path: Path) -> None:
    both = [
        {"dataset": "patients", "columns": {"patient_no": "番号", "birth_date": "生年月日"}},
        {"dataset": "visits", "columns": {"patient_no": "番号", "visited_on": "来院日"}},
    ]
    exports = patients(tmp_path, records=both)
    exports.more = {"limits": {"max_bad_rows": 1}}
    rows = ["1,1970/3/2,2026/6/1", "2,1970/3/2,2026/6/31", "3,1970/3/2,2026/6/1"]
    exports.write(FILE, csv_of(*rows, header="番号,生年月日,来院日"))
    assert exports.report(FILE).bad_rows == 1
    assert exports.rows("patients", "patient_no") == [("1",), ("3",)]
    assert exports.rows("visits", "patient_no") == [("1",), ("3",)]


@pytest.mark.parametrize(
    "content",
    [
        csv_of(f"0012,女,{NAME},1970/3/2,"),  # columns swapped
        csv_of(f"0012,x,女,{NAME},"),
        csv_of("0012,漆原,千鶴,女,1970/3/2"),  # a comma in the name
        csv_of("0012,x,漆原,千鶴,"),
        csv_of(f"{NAME},0012,女,1970/3/2"),
        csv_of(f"0012,x,女,1970/3/2,,{NAME}"),
        csv_of(f'0012,"{NAME}'),
        csv_of(header=ROW),  # no header row
        csv_of(ROW, header="番号,名前,性,誕生日,備考"),
        csv_of(ROW, header=HEADER.replace("性別", "性")),
        csv_of("0012,x,女,大平,"),  # a surname made of era letters
        csv_of("0012,x,女,090-1234-5678,"),
    ],
)
def test_an_error_never_repeats_a_name_or_a_telephone_number(tmp_path: Path, content: str) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, content)
    exports.land()
    (row,) = exports.registry()
    said = f"{row['error']} {row['error_found']} {row['error_column']}"
    assert row["status"] == "quarantined"
    assert not [each for each in (*NAME.split(), "大平", "1234") if each in said], said


# --- Bytes that are no text -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "byte"),
    [("utf-8", 0xFF), ("utf-8", 0x83), ("cp932", 0x80), ("cp932", 0xA0), ("cp932", 0xFF)],
)
def test_a_byte_that_is_no_text_names_its_line(tmp_path: Path, encoding: str, byte: int) -> None:
    exports = patients(tmp_path, encoding=encoding)
    broken = csv_of(ROW, ROW).encode(encoding) + b"13," + bytes([byte]) + b"\n"
    exports.write(FILE, broken)
    assert refused(exports) == f"line 4: found 'byte 0x{byte:02X}', expected text in {encoding}"


def test_a_file_cut_off_in_the_middle_of_a_character_is_an_error(tmp_path: Path) -> None:
    exports = patients(tmp_path, encoding="cp932")
    exports.write(FILE, csv_of(ROW, "13,漆").encode("cp932").rstrip(b"\n")[:-1])
    assert refused(exports).startswith("line 3: found 'byte 0x8E'")


def test_a_bad_byte_beyond_the_first_block_names_its_line_in_the_file(tmp_path: Path) -> None:
    exports = patients(tmp_path, encoding="cp932")
    long = "0012,漆原,女,1970/3/2," + "備考" * 2_000
    before = csv_of(*[long] * 1_100).encode("cp932")
    assert len(before) > decode.BLOCK
    exports.write(FILE, before + b"13,\xff\n")
    assert refused(exports).startswith("line 1102: found 'byte 0xFF'")


def test_characters_split_over_two_blocks_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = patients(tmp_path, encoding="cp932")
    exports.write(FILE, csv_of(*[ROW] * 9, end="\r\n"), "cp932")
    for block in range(1, 40):
        monkeypatch.setattr(decode, "BLOCK", block)
        (exports.root / str(block)).mkdir()
        again = Exports(exports.root / str(block), exports.feeds)
        again.write(FILE, (exports.folder / FILE).read_bytes())
        assert landed(again) == [PATIENT] * 9


def test_a_file_without_line_ends_is_an_error_and_not_all_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "BLOCK", 1_000)
    exports = patients(tmp_path)
    exports.write(FILE, HEADER + "\n" + "x" * (decode.LONGEST_LINE + 10_000))
    assert refused(exports) == "line 2: found 'no line end', expected a file of lines"


def plainly_decoded(text: str) -> list[str]:
    """Return the lines of a text: LF, CRLF and CR end one, a 0x1A alone on a line is CP/M's."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return ["" if line == "\x1a" else line for line in lines]


def without_end(lines: list[str]) -> str:
    """Return lines as one text, without blank lines and 0x1A at its end: they say nothing."""
    return "\n".join(lines).rstrip("\n\x1a")


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(alphabet='aあｱ\r\n,"①\x1a 漆', max_size=60),
    encoding=st.sampled_from(["cp932", "utf-8"]),
    block=st.integers(1, 7),
)
def test_lines_are_the_same_whatever_the_size_of_a_block(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    path.write_bytes(text.encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "BLOCK", block)
        found = [line for lines in decode.blocks(path, encoding) for line in lines]
    assert without_end(found) == without_end(plainly_decoded(text))
