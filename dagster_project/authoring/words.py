"""The words of the data in the language of the staff; what is not here is shown as it is."""

import re
from collections.abc import Mapping

FAMILIES = {
    "department": "診療科",
    "age": "年齢",
    "sex": "性別",
    "visits": "来院",
    "conditions": "病名",
    "treatment": "治療",
    "school": "学年",
    "measurements": "測定値",
    "vaccines": "予防接種",
    "screenings": "検診",
    "answers": "本人の答え",
}
SENSITIVITIES = {"low": "低", "medium": "中", "high": "高"}
STATES = {"has": "該当", "has_not": "該当しない", "unknown": "判定不能"}
COLUMNS = {
    "act_code": "診療行為",
    "age_band": "年齢区分",
    "age_band_since": "区分に入った日",
    "age_years": "年齢",
    "choice": "何番目に見るか",
    "claim_months": "請求のあった月数",
    "comparison": "比べ方",
    "condition": "病名",
    "days_left": "残りの日数",
    "department_group": "診療科",
    "ended_on": "治療が終わった日",
    "dose_no": "回",
    "due_from": "時期の初日",
    "evidence_table": "見た記録",
    "first_visit_on": "初回来院日",
    "has_claims_feed": "医院がレセプトを出力する",
    "has_conditions_feed": "医院が病名を出力する",
    "has_department": "科の記録がある",
    "has_treatment": "管理料か薬がある",
    "item": "項目",
    "last_day": "時期の最終日",
    "last_done_on": "最後に受けた日",
    "last_on": "最後の請求",
    "last_visit_on": "最終来院日",
    "observed_on": "測定日",
    "performed_on": "算定した日",
    "school_age": "学年の満年齢",
    "reason": "わけ",
    "sex": "性別",
    "since": "いつから",
    "state": "状態",
    "status": "状態",
    "tag": "見る基準",
    "threshold": "基準値",
    "unit": "単位",
    "vaccine": "ワクチン",
    "value": "値",
    "visit_days": "来院日数",
    "visits_12_months": "12か月の来院日数",
}
VALUES = {
    "confirmed": "確定",
    "suspected_only": "疑いのみ",
    "provisional": "裏付け待ち",
    "resolved": "治ゆ",
    "due": "時期にある",
    "not_yet": "まだ時期でない",
    "held": "間隔を待つ",
    "given": "接種済み",
    "done": "受診済み",
    "past": "時期を過ぎた",
    "history_incomplete": "接種歴が不完全",
    "over": "基準以上",
    "under": "基準未満",
    "unknown": "不明",
    "other": "その他",
    "True": "はい",
    "False": "いいえ",
    "not recorded": "記録なし",
    "None": "記録なし",
    "": "記録なし",
}
# What evidence says, in SQL's words and in those of the page; {0} and so on are found in it.
EVIDENCE = [
    (re.compile(pattern), said)
    for pattern, said in (
        (r"age (\d+)", "年齢 {0}歳"),
        (r"no birth date", "生年月日の記録なし"),
        (r"sex unknown", "性別の記録なし"),
        (r"sex (\w+)", "性別 {0}"),
        (r"(\d+) visit days, last on (\S+)", "来院 {0}日、最後は {1}"),
        (r"(\d+) visit days in 12 months", "12か月に来院 {0}日"),
        (r"last visit on (\S+)", "最後の来院 {0}"),
        (r"no visit on record", "来院の記録なし"),
        (r"diagnosed in (\d+) claim months", "病名の請求 {0}か月"),
        (r"diagnosed in (\d+) claim months, management fee or drug",
         "病名の請求 {0}か月、管理料か薬あり"),
        (r"no diagnoses are exported", "医院が病名を出力しない"),
        (r"no valid measurement", "有効な測定なし"),
        (r"dose (\d+), (\d+) days left", "{0}回目、期限まで {1}日"),
        (r"none on record here", "この医院に記録なし"),
        (r"last on (\S+)", "最後は {0}"),
        (r"(\w+) (-?[\d.]+)( \S+)?", "{0} {1}{2}"),
    )
]  # fmt: skip
THRESHOLDS = (
    (r"^>= (\S+)$", r"\1 以上"),
    (r"^< (\S+)$", r"\1 未満"),
    (r"^from (\S+) to (\S+)$", r"\1〜\2"),
    (r"^due from (\S+)$", r"\1 から"),
)


def evidence_in_japanese(text: str, words: Mapping[str, str]) -> str | None:
    """Return what evidence says in Japanese, None where there are no words for it.

    `words` are labels for the names and values of the data, as an item's.
    """
    for pattern, said in EVIDENCE:
        if found := pattern.fullmatch(text):
            parts = [words.get(part, part) if part else "" for part in found.groups("")]
            return said.format(*parts)
    return None


def threshold_in_japanese(text: str) -> str:
    """Return a threshold as evidence has it (>= 85.0, from a day to another) in Japanese."""
    for pattern, said in THRESHOLDS:
        text = re.sub(pattern, said, text)
    return text
