"""ひなたファミリークリニック: UTF-8 with a BOM, an odd delimiter, joined without quotes."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

from dagster_project.sample.calendar_days import in_wareki
from dagster_project.sample.person import Person
from dagster_project.sample.uke import Style, write_claims

STYLE = Style("1420002", "ひなたファミリークリニック", has_old_dates=True, ends_with_eof=False,
              cuts_empty_fields=True, pads_to=8)  # fmt: skip
DELTA_DAYS = 30
VACCINES = {
    "MR": "麻しん風しん混合",
    "水痘": "水痘ワクチン",
    "HPV": "シルガード9",
    "DT": "二種混合",
}


def write(folder: Path, people: Sequence[Person], chance: Random, as_of: date) -> None:
    """Write the clinic's folder: full patient lists, a visit list and its delta, claims."""
    tonight = f"{as_of:%Y%m%d}"
    today = [person for person in people if not person.has_left]
    before = as_of - timedelta(days=2)
    known_before = [p for p in people if p.birth_date is None or p.birth_date <= before]
    for day, listed in ((before, known_before), (as_of, today)):
        _write(folder / f"PTINF_{day:%Y%m%d}.TXT", _patients(listed, chance), ",:,")
    split = as_of - timedelta(days=DELTA_DAYS)
    older = [row for row in _visits(people) if row[1] <= f"{split:%Y-%m-%d}"]
    newer = [row for row in _visits(today) if row[1] > f"{split:%Y-%m-%d}"]
    header = ["患者番号", "来院日", "科", "区分", "メモ"]
    _write(folder / f"visits_{split:%Y%m%d}.csv", [header, *older], ",")
    _write(folder / f"visits_{tonight}.csv", [header, *newer, *newer[:3]], ",")
    booked = [[_bare(p), f"{p.booked_on:%Y-%m-%d}", "予約"] for p in today if p.booked_on]
    _write(folder / f"reserve_{tonight}.csv", [["患者番号", "予約日", "状態"], *booked], ",")
    _write(folder / f"kenshin_{tonight}.csv", _checkups(today), ",")
    _write(folder / f"vaccine_{tonight}.csv", _vaccinations(today), ",")
    _write(folder / f"line_{tonight}.csv", _links(today), ",")
    write_claims(folder, today, STYLE, as_of)


def _bare(person: Person) -> str:
    return str(person.number)


def _patients(people: Sequence[Person], chance: Random) -> Iterable[Sequence[str]]:
    header = ["カルテ番号", "氏名", "フリガナ", "性別コード", "年号", "生年", "月", "日"]
    yield [*header, "死亡", "試験", "TEL", "メモ"]
    for person in people:
        row = [
            f"{person.number:08d}",
            person.kanji,
            person.kana,
            {"male": "M", "female": chance.choice(["F", "f"])}.get(person.sex, ""),
            *_era_columns(person, chance),
            "死亡" if person.died_on else "",
            "*" if person.is_test else "",
            "",
            "転居" if person.has_moved else "",
        ]
        yield row
        if person.number % 19 == 0:
            yield row


def _era_columns(person: Person, chance: Random) -> list[str]:
    if person.birth_date is None:
        return ["", "", "", ""]
    name, letter, year = in_wareki(person.birth_date)
    era = chance.choice([name, letter, name[0]])
    first = "元" if year == 1 else str(year)
    return [era, first, str(person.birth_date.month), str(person.birth_date.day)]


def _visits(people: Sequence[Person]) -> list[list[str]]:
    rows = [
        [_bare(person), f"{day:%Y-%m-%d}", department, "1", ""]
        for person in people
        for day, department in person.visits.items()
    ]
    rows += [
        [_bare(p), f"{p.cancelled_on:%Y-%m-%d}", "内科", "9", ""]
        for p in people
        if p.cancelled_on and p.cancelled_on not in p.visits
    ]
    return sorted(rows, key=lambda row: row[1])


def _checkups(people: Sequence[Person]) -> Iterable[Sequence[str]]:
    keys = ["waist", "systolic", "diastolic", "hba1c", "fasting_glucose", "casual_glucose",
            "triglycerides", "hdl", "ldl", "bmi", "smoking", "fecal_occult_blood"]  # fmt: skip
    yield ["患者番号", "測定日", "ﾍｿ周り", "血圧上", "血圧下", "HbA1c", "FPG", "随時血糖",
           "TG", "HDL-C", "LDL-C", "BMI", "喫煙", "便潜血"]  # fmt: skip
    for person in people:
        for day, values in sorted(person.measured.items()):
            cells = (f"{values[key]:g}" if key in values else "" for key in keys)
            yield [_bare(person), f"{day:%Y-%m-%d}", *cells]


def _vaccinations(people: Sequence[Person]) -> Iterable[Sequence[str]]:
    yield ["患者番号", "ワクチン名", "接種日", "回"]
    for person in people:
        for vaccine, dose, day in person.given:
            name = VACCINES.get(vaccine, vaccine)
            yield [_bare(person), name, f"{day:%Y-%m-%d}", str(dose or "")]


def _links(people: Sequence[Person]) -> Iterable[Sequence[str]]:
    yield ["line_user_id", "患者番号", "relation", "linked_on", "friend_status",
           "consent_purposes", "consented_on", "consent_version"]  # fmt: skip
    for person in people:
        for user, relation, is_blocked, purposes in person.links:
            friend = "blocked" if is_blocked else "following"
            yield [user, _bare(person), relation, "2026-01-05", friend, purposes, "2026-01-05",
                   "v1"]  # fmt: skip


def _write(path: Path, rows: Iterable[Sequence[str]], delimiter: str) -> None:
    text = "".join(f"{delimiter.join(row)}\r\n" for row in rows)
    path.write_bytes(text.encode("utf-8-sig"))
