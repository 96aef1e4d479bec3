"""UKE (レセプト電算処理システム, RECEIPTC.UKE and its returned .HEN): records to rows.

A receipt is a run of records that begins with RE; order is the only structure.
Columns are 0-based positions after splitting at commas; trailing empty ones may be
cut off, so every look-up tolerates a short record.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from dagster_project.ingest.csv_format import Row
from dagster_project.ingest.dates import parse_date, parse_month
from dagster_project.ingest.decode import lines
from dagster_project.ingest.errors import BadFileError

SEX = {"1": "male", "2": "female"}
OUTCOME = {"1": "continued", "2": "cured", "3": "died", "4": "stopped"}  # 転帰区分
COUNTED_DAY = "1"  # 受診等区分 1: 実日数に計上
FIRST_DAY_COLUMN = {"JD": 2, "SI": 13, "IY": 13, "TO": 17}
RECORDS = frozenset({"IR", "RE", "HO", "KO", "SN", "JD", "MF", "SY", "SI", "IY", "TO", "CO", "GO"})


class _Receipt:
    """One receipt while its records go by."""

    def __init__(self, number: int, line: int, head: dict[str, object], month: date) -> None:
        self.number = number
        self.line = line
        self.month = month
        self.head = {**head, "receipt_id": number, "line_no": line, "service_month": month}
        self.counted: dict[date, tuple[int, str]] = {}
        self.performed: dict[date, tuple[int, str]] = {}

    def rows(self) -> Iterator[Row]:
        """Yield the receipt and its visit days: JD's where it has any, else the acts' days."""
        yield "uke_receipts", self.head
        for day, (line, record) in sorted((self.counted or self.performed).items()):
            found = {"visited_on": day, "record": record, "line_no": line}
            yield "uke_visit_days", {"receipt_id": self.number, **found}


def read_uke(path: Path, institution_code: str | None) -> Iterator[Row | BadFileError]:
    """Yield the records of a UKE file. Raises BadFileError when it is not this clinic's UKE."""
    header: dict[str, object] = {}
    receipt: _Receipt | None = None
    receipts = 0
    is_returned = path.suffix.upper() == ".HEN"
    for line, text in enumerate(lines(path, "cp932"), start=1):
        cells = text.split(",")
        kind = cells[0]
        if line == 1:
            header = {**_header(cells, institution_code), "is_returned": is_returned}
        elif kind == "RE":
            if receipt:
                yield from receipt.rows()
            receipts += 1
            receipt = _receipt(cells, line, receipts, header)
        elif kind == "GO":
            counted = {"counted_receipts": receipts, "line_no": line}
            declared = {"declared_receipts": _int(cells, 1), "declared_points": _int(cells, 2)}
            yield "uke_totals", {**declared, **counted}
        elif receipt and len(kind) == 2 and kind.isalpha():
            yield from _detail(receipt, kind, cells, line)
        else:
            expected = "a record of " + ", ".join(sorted(RECORDS))
            raise BadFileError(line, "record", kind, expected)
    if receipt:
        yield from receipt.rows()


def _header(cells: Sequence[str], institution_code: str | None) -> dict[str, object]:
    if cells[0] != "IR":
        raise BadFileError(1, "record", cells[0], "IR (医療機関情報) first")
    code = _cell(cells, 4)
    if institution_code and code != institution_code:
        raise BadFileError(1, "IR 医療機関コード", code, f"this clinic's {institution_code}")
    try:
        claimed = parse_month(_cell(cells, 7))
    except ValueError as error:
        raise BadFileError(1, "IR 請求年月", _cell(cells, 7), str(error)) from error
    return {
        "payer": _cell(cells, 1),
        "points_table": _cell(cells, 3),
        "facility_code": code,
        "claimed_month": claimed,
    }


def _receipt(cells: Sequence[str], line: int, number: int, header: dict[str, object]) -> _Receipt:
    kind = _cell(cells, 2)
    try:
        month = parse_month(_cell(cells, 3))
        birth_date = parse_date(_cell(cells, 6))
    except ValueError as error:
        found = f"{_cell(cells, 3)} / {_cell(cells, 6)}"
        raise BadFileError(line, "RE 診療年月, 生年月日", found, str(error)) from error
    head = {
        **header,
        "receipt_kind": kind,
        # レセプト種別: an odd last digit is 入院, an even one 入院外.
        "is_inpatient": kind[-1:].isdigit() and int(kind[-1]) % 2 == 1,
        "patient_no": _cell(cells, 13) or None,
        "sex": SEX.get(_cell(cells, 5), "unknown"),
        "birth_date": birth_date,
        "department_code": _cell(cells, 21) or None,
    }
    return _Receipt(number, line, head, month)


def _detail(
    receipt: _Receipt, kind: str, cells: Sequence[str], line: int
) -> Iterator[Row | BadFileError]:
    if kind in {"HO", "KO"}:
        # The insurer's own count comes first; a public payer's stands in where there is none.
        receipt.head.setdefault("insurer_no", _cell(cells, 1).strip())
        receipt.head.setdefault("actual_days", _int(cells, 4))
        receipt.head.setdefault("total_points", _int(cells, 5))
    elif kind == "SY":
        yield _condition(receipt, cells, line)
    elif kind in FIRST_DAY_COLUMN:
        first = FIRST_DAY_COLUMN[kind]
        for day, cell in enumerate(cells[first : first + 31], start=1):
            if not cell.strip():
                continue
            if day > monthrange(receipt.month.year, receipt.month.month)[1]:
                found = f"day {day} of {receipt.month:%Y-%m}"
                raise BadFileError(line, f"{kind} {day}日", found, "a day of the month")
            yield from _on_day(receipt, kind, cells, line, receipt.month.replace(day=day), cell)


def _on_day(
    receipt: _Receipt, kind: str, cells: Sequence[str], line: int, day: date, cell: str
) -> Iterator[Row]:
    if kind == "JD":
        if cell.strip() == COUNTED_DAY:
            receipt.counted.setdefault(day, (line, kind))
        return
    receipt.performed.setdefault(day, (line, kind))
    act = {"record": kind, "code": _cell(cells, 3), "performed_on": day, "line_no": line}
    yield "uke_acts", {"receipt_id": receipt.number, **act, "occurrences": _number(cell)}


def _condition(receipt: _Receipt, cells: Sequence[str], line: int) -> Row | BadFileError:
    try:
        started_on = parse_date(_cell(cells, 2))
    except ValueError as error:
        return BadFileError(line, "SY 診療開始日", _cell(cells, 2), str(error))
    return "uke_conditions", {
        "receipt_id": receipt.number,
        "code": _cell(cells, 1),
        "modifiers": _cell(cells, 4) or None,
        "started_on": started_on,
        "outcome": OUTCOME.get(_cell(cells, 3)),
        "is_main": _cell(cells, 6) == "01",
        "line_no": line,
    }


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at].strip() if at < len(cells) else ""


def _int(cells: Sequence[str], at: int) -> int | None:
    return _number(_cell(cells, at))


def _number(cell: str) -> int | None:
    return int(cell) if cell.strip().isdigit() else None
