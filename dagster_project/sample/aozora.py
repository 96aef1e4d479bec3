"""あおぞら内科小児科クリニック: CP932 files of a common レセコン, with titles and totals."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

from dagster_project.sample.calendar_days import in_wareki, spellings
from dagster_project.sample.person import Person
from dagster_project.sample.uke import Style, write_claims

STYLE = Style("1310001", "あおぞら内科小児科クリニック", has_old_dates=False, ends_with_eof=True,
              cuts_empty_fields=False, pads_to=5)  # fmt: skip
MEASURES = {
    "waist": "腹囲", "systolic": "平均 収縮期", "diastolic": "平均 拡張期",
    "hba1c": "HbA1c（NGSP）", "fasting_glucose": "空腹時血糖", "casual_glucose": "随時血糖",
    "triglycerides": "中性脂肪", "hdl": "HDLコレステロール", "ldl": "LDLコレステロール",
    "bmi": "ＢＭＩ", "smoking": "喫煙", "mammography": "マンモグラフィ",
    "cervical_cytology": "子宮頸部細胞診", "fecal_occult_blood": "便潜血",
    "chest_x_ray": "胸部Ｘ線", "gastric_x_ray": "胃部Ｘ線", "gastric_endoscopy": "胃内視鏡",
}  # fmt: skip
SCREENED = {1: "異常なし", 2: "要精密検査"}
ANSWERS = {"smoking": {1: "はい", 2: "以前は吸っていた", 3: "いいえ"}} | dict.fromkeys(
    ("mammography", "cervical_cytology", "fecal_occult_blood", "chest_x_ray", "gastric_x_ray",
     "gastric_endoscopy"), SCREENED)  # fmt: skip
VACCINES = {
    "MR": "ＭＲ", "水痘": "水ぼうそう", "5種混合": "五種混合", "4種混合": "四種混合",
    "日本脳炎": "日脳", "小児肺炎球菌": "肺炎球菌(小児)", "高齢者肺炎球菌": "肺炎球菌(高齢)",
    "B型肝炎": "Ｂ型肝炎", "帯状疱疹生": "帯状疱疹(生)",
    "帯状疱疹組換え": "帯状疱疹(組換え)",
}  # fmt: skip
WIDE_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")


def write(folder: Path, people: Sequence[Person], chance: Random, as_of: date) -> None:
    """Write the clinic's folder: two nights of full dumps, check-ups, claims and links."""
    before = as_of - timedelta(days=2)
    today = [person for person in people if not person.has_left]
    # The dumps of one night name the same patients; who has left is in the older ones only.
    known_before = [p for p in people if p.birth_date is None or p.birth_date <= before]
    for day, listed in ((before, known_before), (as_of, today)):
        _patients(folder / f"患者一覧_{day:%Y%m%d}.csv", listed, chance, day)
        _visits(folder / f"来院一覧_{day:%Y%m%d}.csv", listed, day)
    _write(folder / f"予約一覧_{as_of:%Y%m%d}.csv",
           ["カルテ番号", "予約日", "診療科", "状態"],
           [[_padded(p), f"{p.booked_on:%Y/%m/%d}", "内科", "予約"]
            for p in today if p.booked_on])  # fmt: skip
    _checkups(folder / f"健診結果_{as_of:%Y%m%d}.csv", today)
    _write(folder / f"接種台帳_{as_of:%Y%m%d}.csv",
           ["カルテ番号", "ワクチン", "回数", "接種日", "結果"],
           [[_padded(p), VACCINES.get(vaccine, vaccine), str(dose or ""), f"{day:%Y/%m/%d}", "接種"]
            for p in today for vaccine, dose, day in p.given])  # fmt: skip
    _links(folder / f"LINE連携_{as_of:%Y%m%d}.csv", today)
    write_claims(folder, today, STYLE, as_of)


def _padded(person: Person) -> str:
    return f"{person.number:05d}"


def _patients(path: Path, people: Sequence[Person], chance: Random, day: date) -> None:
    header = ["カルテ番号", "カナ氏名(半角)", "漢字氏名", "旧姓", "性別", "生年月日", "死亡日",
              "テスト患者", "転出", "最終来院日", "備考", ""]  # fmt: skip
    rows = []
    for person in people:
        number = _padded(person)
        born = chance.choice(spellings(person.birth_date)) if person.birth_date else ""
        visited = [visit for visit in person.visits if visit <= day]
        row = [
            number.translate(WIDE_DIGITS) if person.number % 11 == 0 else number,
            person.kana,
            person.kanji,
            person.former_name,
            {"male": "男", "female": "女"}.get(person.sex, ""),
            born,
            f"{person.died_on:%Y/%m/%d}" if person.died_on else "",
            "1" if person.is_test else "",
            "転居" if person.has_moved else "",
            f"{max(visited):%Y/%m/%d}" if visited else "00000000",
            "",
            "",
        ]
        rows += [row] * (2 if person.number % 17 == 0 else 1)
    name, _, year = in_wareki(day)
    title = [f"患者一覧表　出力日：{name}{year}年{day.month}月{day.day}日"]
    total = ["合計", f"{len(rows)}件"]
    _write(path, header, rows, title=[title, []], footer=[total])


def _visits(path: Path, people: Sequence[Person], day: date) -> None:
    rows = [
        # Opened and saved in Excel once: the zeros are gone.
        [str(person.number), f"{visit:%Y/%m/%d}", department, "済"]
        for person in people
        for visit, department in person.visits.items()
        if visit <= day
    ]
    rows += [[str(p.number), f"{p.cancelled_on:%Y/%m/%d}", "内科", "キャンセル"]
             for p in people if p.cancelled_on and p.cancelled_on <= day
             and p.cancelled_on not in p.visits]  # fmt: skip
    _write(path, ["カルテ番号", "受付日", "診療科", "受付状態"], sorted(rows, key=lambda r: r[1]))


def _checkups(path: Path, people: Sequence[Person]) -> None:
    rows = [
        [_padded(person), person.kana, f"{day:%Y/%m/%d}", *(_cell(values, key) for key in MEASURES)]
        for person in people
        for day, values in sorted(person.measured.items())
    ]  # fmt: skip
    _write(path, ["カルテ番号", "カナ氏名", "受診日付", *MEASURES.values()], rows)


def _cell(values: Mapping[str, float], key: str) -> str:
    if key not in values:
        return ""
    return ANSWERS[key][int(values[key])] if key in ANSWERS else f"{values[key]:g}"


def _links(path: Path, people: Sequence[Person]) -> None:
    header = [
        "LINEユーザーID",
        "カルテ番号",
        "続柄",
        "連携日",
        "友だち",
        "同意",
        "同意日",
        "同意文面",
    ]
    rows = [
        [user, _padded(person), {"self": "本人", "parent": "保護者"}[relation], "2026/01/05",
         "ブロック" if is_blocked else "友だち", purposes, "2026/01/05", "v1"]
        for person in people
        for user, relation, is_blocked, purposes in person.links
    ]  # fmt: skip
    _write(path, header, rows)


def _write(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    title: Sequence[Sequence[str]] = (),
    footer: Sequence[Sequence[str]] = (),
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([*title, header, *rows, *footer])
    path.write_bytes(text.getvalue().encode("cp932"))
