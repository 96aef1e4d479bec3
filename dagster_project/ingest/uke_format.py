"""UKE (レセプト電算処理システム, RECEIPTC.UKE and its returned .HEN): records to rows.

A receipt is a run of records that begins with RE; order is the only structure.
Columns are 0-based positions after splitting at commas; trailing empty ones may be
cut off, so every look-up tolerates a short record.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from dagster_project.clinic import Clinic, Feed
from dagster_project.ingest.batches import Batch, Row, gathered
from dagster_project.ingest.cells import clean, hinted, shown_day
from dagster_project.ingest.dates import parse_date, parse_month
from dagster_project.ingest.decode import blocks
from dagster_project.ingest.errors import BadFileError

SEX = {"1": "male", "2": "female"}
OUTCOME = {"1": "continued", "2": "cured", "3": "died", "4": "stopped"}  # 転帰区分
COUNTED_DAY = "1"  # 受診等区分 1: 実日数に計上
FIRST_DAY_COLUMN = {"JD": 2, "SI": 13, "IY": 13, "TO": 17}
RECORDS = ("IR", "RE", "HO", "KO", "SN", "JD", "MF", "SY", "SI", "IY", "TO", "CO", "SJ", "GO")
FIRST = "IR (医療機関情報) first"


def read_uke(path: Path, feed: Feed, clinic: Clinic) -> Iterator[Batch | BadFileError]:  # noqa: ARG001
    """Yield the records of a UKE file. Raises BadFileError when it is not this clinic's UKE.

    The totals a file declares (GO) are recorded beside what was counted, not judged;
    but a claim file without GO has been cut off and is bad as a whole.
    """
    is_returned = path.suffix.upper() == ".HEN"
    return gathered(_rows(path, clinic.medical_institution_code, is_returned=is_returned))


def _rows(
    path: Path, institution_code: str | None, *, is_returned: bool
) -> Iterator[Row | BadFileError]:
    header: dict[str, object] = {}
    receipt: _Receipt | None = None
    receipts = since_header = line = 0
    has_totals = False
    texts = (text for block in blocks(path, "cp932") for text in block)
    for line, text in enumerate(texts, start=1):
        cells = text.split(",")
        kind = cells[0]
        if not text.strip():
            continue
        if kind in {"IR", "RE", "GO"} and receipt:
            yield from receipt.rows()
            receipt = None
        if kind == "IR":
            header = {**_header(cells, line, institution_code), "is_returned": is_returned}
            since_header, has_totals = receipts, False
        elif not header and kind in RECORDS:
            raise BadFileError(line, "record", kind, FIRST)
        elif kind == "RE":
            receipts += 1
            receipt = _receipt(cells, line, receipts, header)
        elif kind == "GO":
            has_totals = True
            declared = {"declared_receipts": _int(cells, 1), "declared_points": _int(cells, 2)}
            counted = {"counted_receipts": receipts - since_header, "line_no": line}
            yield "uke_totals", {**declared, **counted}
        elif receipt and _is_record(kind):
            yield from _detail(receipt, kind, cells, line)
        elif kind in RECORDS or not _is_record(kind):
            expected = f"a record of {', '.join(RECORDS)}" if header else FIRST
            found = kind if _is_record(kind) else hinted(kind)
            raise BadFileError(line, "record", found, expected)
    if not header:
        raise BadFileError(line or 1, "record", "the end of the file", FIRST)
    if not has_totals and not is_returned:
        found = "the end of the file"
        expected = "GO (診療報酬請求書) last: the file was cut off, export it again"
        raise BadFileError(line or 1, "record", found, expected)
    if receipt:
        yield from receipt.rows()


class _Receipt:
    """One receipt while its records go by."""

    def __init__(self, number: int, line: int, head: dict[str, object], month: date) -> None:
        self.number = number
        self.month = month
        self.head = {**head, "receipt_id": number, "line_no": line, "service_month": month}
        self.has_day_record = False
        self.counted: dict[date, tuple[int, str]] = {}
        self.performed: dict[date, tuple[int, str]] = {}

    def rows(self) -> Iterator[Row]:
        """Yield the receipt and its visit days: JD's where it has any, else the acts' days."""
        yield "uke_receipts", self.head
        days = self.counted if self.has_day_record else self.performed
        for day, (line, record) in sorted(days.items()):
            found = {"visited_on": day, "record": record, "line_no": line}
            yield "uke_visit_days", {"receipt_id": self.number, **found}

    def keep_first(self, **found: object) -> None:
        """Note what the receipt does not have yet."""
        for name, value in found.items():
            if self.head.get(name) is None:
                self.head[name] = value


def _header(cells: Sequence[str], line: int, institution_code: str | None) -> dict[str, object]:
    code = _cell(cells, 4)
    if institution_code and code != institution_code:
        raise BadFileError(line, "IR 医療機関コード", code, f"this clinic's {institution_code}")
    try:
        claimed = parse_month(_cell(cells, 7))
    except ValueError as error:
        raise BadFileError(line, "IR 請求年月", shown_day(_cell(cells, 7)), str(error)) from error
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
    except ValueError as error:
        raise BadFileError(line, "RE 診療年月", shown_day(_cell(cells, 3)), str(error)) from error
    try:
        birth_date = parse_date(_cell(cells, 6))
    except ValueError as error:
        raise BadFileError(line, "RE 生年月日", shown_day(_cell(cells, 6)), str(error)) from error
    head = {
        **header,
        "receipt_kind": kind,
        # レセプト種別: an odd last digit is 入院, an even one 入院外.
        "is_inpatient": kind[-1:].isdecimal() and int(kind[-1]) % 2 == 1,
        "patient_no": clean(_cell(cells, 13)) or None,
        "sex": SEX.get(_cell(cells, 5), "unknown"),
        "birth_date": birth_date,
        "department_code": _cell(cells, 21) or None,
    }
    return _Receipt(number, line, head, month)


def _is_record(kind: str) -> bool:
    """Return whether this may be a record: there are more kinds, such as MN, than are read here."""
    return len(kind) == 2 and kind.isascii() and kind.isalpha()


def _detail(
    receipt: _Receipt, kind: str, cells: Sequence[str], line: int
) -> Iterator[Row | BadFileError]:
    if kind in {"HO", "KO"}:
        # The insurer's own count comes first; a public payer's stands in where there is none.
        receipt.keep_first(
            insurer_no=_cell(cells, 1) or None,
            actual_days=_int(cells, 4),
            total_points=_int(cells, 5),
        )
    elif kind == "SY":
        yield _condition(receipt, cells, line)
    elif kind in FIRST_DAY_COLUMN:
        receipt.has_day_record = receipt.has_day_record or kind == "JD"
        first = FIRST_DAY_COLUMN[kind]
        last_day = monthrange(receipt.month.year, receipt.month.month)[1]
        for day, cell in enumerate(cells[first : first + 31], start=1):
            if not cell or not cell.strip():
                continue
            if day > last_day:
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
    occurrences = _number(cell)
    if occurrences == 0:
        return
    receipt.performed.setdefault(day, (line, kind))
    if code := _cell(cells, 3):
        act = {"record": kind, "code": code, "performed_on": day, "line_no": line}
        yield "uke_acts", {"receipt_id": receipt.number, **act, "occurrences": occurrences}


def _condition(receipt: _Receipt, cells: Sequence[str], line: int) -> Row | BadFileError:
    try:
        started_on = parse_date(_cell(cells, 2))
    except ValueError as error:
        return BadFileError(line, "SY 診療開始日", shown_day(_cell(cells, 2)), str(error))
    outcome = _cell(cells, 3)
    if outcome and outcome not in OUTCOME:
        return BadFileError(line, "SY 転帰区分", hinted(outcome), f"one of {', '.join(OUTCOME)}")
    return "uke_conditions", {
        "receipt_id": receipt.number,
        "code": _cell(cells, 1),
        "modifiers": _cell(cells, 4) or None,
        "started_on": started_on,
        "outcome": OUTCOME.get(outcome),
        "is_main": _cell(cells, 6) == "01",
        "line_no": line,
    }


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at].strip() if at < len(cells) else ""


def _int(cells: Sequence[str], at: int) -> int | None:
    return _number(_cell(cells, at))


def _number(cell: str) -> int | None:
    return int(cell) if cell.strip().isdecimal() else None
