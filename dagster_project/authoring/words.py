"""The words of the data in the language of the staff; what is not here is shown as it is."""

FAMILIES = {
    "department": "診療科",
    "age": "年齢",
    "sex": "性別",
    "visits": "来院",
    "conditions": "病名",
    "measurements": "測定値",
}
SENSITIVITIES = {"low": "低", "medium": "中", "high": "高"}
STATES = {"has": "該当", "has_not": "該当しない", "unknown": "判定不能"}
COLUMNS = {
    "age_band": "年齢区分",
    "age_band_since": "区分に入った日",
    "age_years": "年齢",
    "claim_months": "請求のあった月数",
    "condition": "病名",
    "department_group": "診療科",
    "first_visit_on": "初回来院日",
    "has_conditions_feed": "医院が病名を出力する",
    "has_treatment": "管理料か薬がある",
    "item": "項目",
    "last_on": "最後の請求",
    "last_visit_on": "最終来院日",
    "observed_on": "測定日",
    "sex": "性別",
    "since": "いつから",
    "status": "状態",
    "tag": "見る基準",
    "threshold": "基準値",
    "unit": "単位",
    "value": "値",
    "visit_days": "来院日数",
    "visits_12_months": "12か月の来院日数",
}
VALUES = {
    "confirmed": "確定",
    "suspected_only": "疑いのみ",
    "provisional": "裏付け待ち",
    "resolved": "治ゆ",
    "over": "基準以上",
    "under": "基準未満",
    "unknown": "不明",
    "other": "その他",
    "True": "はい",
    "False": "いいえ",
    "None": "記録なし",
    "": "記録なし",
}
