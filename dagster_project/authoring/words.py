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
    "answered_on": "答えた日",
    "birth_date": "生年月日",
    "choice": "何番目に見るか",
    "claim_months": "請求のあった月数",
    "comparison": "比べ方",
    "condition": "病名",
    "days_left": "残りの日数",
    "department_group": "診療科",
    "emr_value": "記録の値",
    "ended_on": "治療が終わった日",
    "dose_no": "回",
    "due_from": "時期の初日",
    "evidence_table": "見た記録",
    "first_visit_on": "初回来院日",
    "has_claims_feed": "医院がレセプトを出力する",
    "has_conditions_feed": "医院が病名を出力する",
    "has_department": "科の記録がある",
    "has_treatment": "管理料か薬がある",
    "is_for_child": "子どものことを答えた",
    "item": "項目",
    "last_day": "時期の最終日",
    "last_done_on": "最後に受けた日",
    "last_on": "最後の請求",
    "last_visit_on": "最終来院日",
    "observed_on": "測定日",
    "performed_on": "算定した日",
    "readings": "平均した2回",
    "said_value": "本人の答え",
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
    "on_record": "記録あり",
    "previous_dose_first": "前の回が先",
    "interval_after_previous_dose": "前の回の後の間隔",
    "interval_after_live_vaccine": "生ワクチンの後の間隔",
    "no_birth_date": "生年月日の記録なし",
    "no_vaccination_record_exported": "医院が接種歴を出力しない",
    "an_earlier_dose_is_not_on_record": "前の回の記録なし",
    "stg_patients": "患者一覧",
    "stg_immunizations": "接種の記録",
    "stg_observations": "測定の記録",
    "department": "診療科",
    "influenza_wish": "インフルエンザの接種の希望",
    "current": "吸う",
    "former": "やめた",
    "never": "吸わない",
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
        (r"(\w+) diagnosed in (\d+) claim months", "{0} 病名の請求 {1}か月"),
        (r"(\w+) cured or stopped", "{0} 治ゆまたは中止"),
        (r"diagnosed (\w+)", "病名 {0}"),
        (r"management fee (\d+)", "管理料 {0}"),
        (r"management fee (\d+) on (\S+)", "管理料 {0}、{1}"),
        (r"drug (\d+)", "薬 {0}"),
        (r"no claims are exported", "医院が請求を出力しない"),
        (r"turns (\d+) in this school year", "この学年のうちに {0}歳"),
        (r"first visit on record on (\S+)", "記録にある最初の来院 {0}"),
        (r"visit", "来院"),
        (r"dose (\d+), (\d+) days left", "{0}回目、残り {1}日"),
        (r"sex not recorded", "性別の記録なし"),
        (r"no vaccination record exported", "医院が接種歴を出力しない"),
        (r"a vaccine on record is unknown", "名前の分からないワクチンの記録がある"),
        (r"came after the window opened", "時期が始まった後に初めて来院した"),
        (r"started late", "始めたのが遅い"),
        (r"an earlier dose is not on record", "前の回の記録なし"),
        (r"last on (\S+)", "最後は {0}"),
        (r"none on record here", "この医院に記録なし"),
        (r"the clinic keeps no record of it", "この医院では記録していない"),
        (r"answered (\w+) (\w+)", "問診の答え {0}: {1}"),
        (r"added by hand until (\S+)", "手で付けた ({0} まで)"),
        (r"removed by hand until (\S+)", "手で外した ({0} まで)"),
        (r"no valid measurement", "有効な測定なし"),
        (r"(\w+) (-?[\d.]+)( \S+)? \(mean of (\S+) and (\S+) on (\S+)\)",
         "{0} {1}{2} (今回の {3} と {5} の {4} の平均)"),
        (r"(\w+) (-?[\d.]+)( \S+)?", "{0} {1}{2}"),
    )
]  # fmt: skip
THRESHOLDS = [
    (re.compile(pattern), said)
    for pattern, said in (
        (r">= (\S+)", "{0} 以上"),
        (r"< (\S+)", "{0} 未満"),
        (r"within (\d+) months", "{0}か月以内"),
        (r"within (\d+) days", "{0}日以内"),
        (r"from (\S+) to (\S+)", "{0} から {1} まで"),
        (r"due from (\S+)", "{0} から"),
    )
]


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
    """Return a threshold as evidence has it (>= 85.0) in Japanese, or as it is."""
    for pattern, said in THRESHOLDS:
        if found := pattern.fullmatch(text):
            return said.format(*found.groups())
    return text
