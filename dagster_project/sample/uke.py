"""Claims as a レセコン writes them: RECEIPTC.UKE, and what the payer sends back (.HEN)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dagster_project.sample.calendar_days import first_of_month, in_wareki, months_after
from dagster_project.sample.person import Diagnosis, Person
from dagster_project.sample.visits import CLAIM_MONTHS

FOLLOW_UP = "112007410"  # 再診料
POINTS = 75
EMPTY = ""


@dataclass(frozen=True)
class Style:
    """How one clinic's system writes UKE."""

    institution_code: str
    name: str
    has_old_dates: bool  # GYYMMDD, as before 2020
    ends_with_eof: bool  # 0x1A
    cuts_empty_fields: bool
    pads_to: int  # digits of カルテ番号

    def day(self, day: date) -> str:
        """Return a day in this style."""
        return f"{_era(day)}{day:%m%d}" if self.has_old_dates else f"{day:%Y%m%d}"

    def month(self, day: date) -> str:
        """Return a month in this style."""
        return f"{_era(day)}{day:%m}" if self.has_old_dates else f"{day:%Y%m}"


def _era(day: date) -> str:
    _, letter, year = in_wareki(day)
    return f"{'MTSHR'.index(letter) + 1}{year:02d}"


@dataclass(frozen=True)
class _Claim:
    person: Person
    month: date
    days: Sequence[date]
    diagnoses: Sequence[Diagnosis]
    insurer: str


def write_claims(folder: Path, people: Sequence[Person], style: Style, as_of: date) -> None:
    """Write one file a month, and the returns; a month is claimed in the one after it."""
    newest = months_after(first_of_month(as_of), -2)
    for back in range(CLAIM_MONTHS):
        month = months_after(newest, -back)
        claimed = months_after(month, 1)
        again = months_after(month, -2)  # sent back a month later, claimed again after that
        claims = [claim for person in people for claim in _first(person, month)]
        claims += [claim for p in people if p.returned_month == again for claim in _true(p, again)]
        _write(folder / f"RECEIPTC_{claimed:%Y%m}.UKE", claims, style, claimed, has_totals=True)
        back_now = months_after(month, -1)
        returned = [c for p in people if p.returned_month == back_now for c in _first(p, back_now)]
        if returned:
            path = folder / f"RECEIPTC_{claimed:%Y%m}.HEN"
            _write(path, returned, style, months_after(back_now, 1), has_totals=False)


def _first(person: Person, month: date) -> Iterator[_Claim]:
    """Yield a month's claims as first sent."""
    for claim in _true(person, month):
        if person.returned_month == month:
            rest = [d for d in claim.diagnoses if d.code != person.wrongly[0].code]
            yield _Claim(person, month, claim.days, [*rest, *person.wrongly], claim.insurer)
        else:
            yield claim


def _true(person: Person, month: date) -> Iterator[_Claim]:
    """Yield a month's claims; two where the insurer changed in the middle of it."""
    days = sorted(day for day in person.visits if first_of_month(day) == month)
    if not days:
        return
    diagnoses = [d for d in person.diagnoses if month in d.months]
    has_changed = person.number % 5 == 0 and len(days) > 1
    first, second = (days[:1], days[1:]) if has_changed else (days, [])
    yield _Claim(person, month, first, diagnoses, f"0613{person.number % 9000:04d}")
    if second:
        yield _Claim(person, month, second, [], f"0614{person.number % 9000:04d}")


def _write(
    path: Path, claims: Sequence[_Claim], style: Style, claimed: date, *, has_totals: bool
) -> None:
    lines = [_record("IR", "1", "13", "1", style.institution_code, EMPTY, style.name,
                     style.month(claimed), "00", "0300000000")]  # fmt: skip
    points = 0
    for number, claim in enumerate(claims, start=1):
        lines += _receipt(number, claim, style)
        points += POINTS * len(claim.days)
    if has_totals:
        lines.append(_record("GO", str(len(claims)), str(points), "99"))
    if style.cuts_empty_fields:
        lines = [line.rstrip(",") for line in lines]
    content = "".join(f"{line}\r\n" for line in lines).encode("cp932")
    path.write_bytes(content + (b"\x1a" if style.ends_with_eof else b""))


def _receipt(number: int, claim: _Claim, style: Style) -> Iterator[str]:
    person = claim.person
    head = [EMPTY] * 38
    head[1:4] = [str(number), "1112", style.month(claim.month)]
    head[4] = person.kanji
    head[5] = {"male": "1", "female": "2"}.get(person.sex, EMPTY)
    head[6] = style.day(person.birth_date) if person.birth_date else EMPTY
    head[13] = str(person.number).zfill(style.pads_to)
    head[36] = person.kana
    yield _record("RE", *head[1:])
    total = str(POINTS * len(claim.days))
    yield _record("HO", claim.insurer, "１２３", "４５", str(len(claim.days)), total, *[EMPTY] * 9)
    yield _record("SN", "1", "01", claim.insurer, "１２３", "４５", "00", EMPTY, EMPTY)
    # 2: an act that came with a visit of another day; it is no visit day.
    yield _record("JD", "1", *_days(claim.days, "1", extra="2"))
    yield _record("MF", "00", *[EMPTY] * 31)
    yield from _diagnoses(claim, style)
    yield from _acts(claim)


def _diagnoses(claim: _Claim, style: Style) -> Iterator[str]:
    for number, found in enumerate(claim.diagnoses):
        is_last = claim.month == max(found.months)
        outcome = found.outcome if is_last else "1"
        main = "01" if number == 0 else EMPTY
        started = style.day(found.started_on)
        yield _record("SY", found.code, started, outcome, found.modifiers, EMPTY, main, EMPTY)
    if not claim.diagnoses:
        # A diagnosis in words alone belongs to no tag, whatever the words are.
        started = style.day(min(claim.days))
        yield _record("SY", "0000999", started, "1", EMPTY, "高血圧症の疑い", "01", EMPTY)


def _acts(claim: _Claim) -> Iterator[str]:
    count = str(len(claim.days))
    each_day = _days(claim.days, "1")
    yield _record("SI", "12", "1", FOLLOW_UP, EMPTY, str(POINTS), count, *[EMPTY] * 6, *each_day)
    first_only = _days(claim.days[:1], "1")
    for treatment in claim.person.treatments:
        is_first = claim.days[0] == min(
            day for day in claim.person.visits if first_of_month(day) == claim.month
        )
        if treatment.month == claim.month and is_first:
            kind = "13" if treatment.record == "SI" else "21"
            code = treatment.code
            yield _record(treatment.record, kind, "1", code, "1", "0", "1", *[EMPTY] * 6,
                          *first_only)  # fmt: skip
    if claim.person.number % 3 == 0:
        yield _record("TO", "40", "1", "710010001", "1", "0", "1", *[EMPTY] * 10, *first_only)
        yield _record("CO", "40", "1", "820100001", "処置の経過は良好")


def _days(days: Iterable[date], mark: str, extra: str = EMPTY) -> list[str]:
    """Return 31 fields, marked on these days; `extra` on the day before the first."""
    fields = [EMPTY] * 31
    numbers = sorted(day.day for day in days)
    if extra and numbers[0] > 1 and numbers[0] % 4 == 0:
        fields[numbers[0] - 2] = extra
    for number in numbers:
        fields[number - 1] = mark
    return fields


def _record(*fields: str) -> str:
    return ",".join(fields)
