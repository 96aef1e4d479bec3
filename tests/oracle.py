"""What every tag means, said once more in plain Python, from the rules and not from the SQL.

Reads the rows a test writes (see clinic_builder) and returns {(patient, tag): state}.
"""

from calendar import monthrange
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import oracle_vaccines

Row = Mapping[str, Any]
BANDS = {"age_0_5": (0, 5), "age_6_15": (6, 15), "age_16_39": (16, 39),
         "age_40_64": (40, 64), "age_65_74": (65, 74), "age_75_over": (75, 999)}  # fmt: skip
DEPARTMENTS = {
    "内科": {"internal_medicine"}, "小児科": {"pediatrics"}, "整形外科": {"orthopedics"},
    "皮膚科": {"dermatology"}, "婦人科": {"gynecology"}, "耳鼻科": {"otolaryngology"},
    "精神科": {"psychiatry"}, "神経内科": {"internal_medicine", "neurology"},
    "呼吸器科": {"internal_medicine", "respiratory_medicine"},
    "胃腸科": {"internal_medicine", "gastroenterology"},
    "循環器科": {"internal_medicine", "cardiology"}, "外科": {"surgery"},
    "美容外科": {"plastic_surgery"}, "脳外科": {"neurosurgery"},
    "呼吸器外科": {"surgery", "respiratory_medicine"}, "心臓血管外科": {"surgery", "cardiology"},
    "小児外科": {"surgery", "pediatrics"}, "皮膚泌尿器科": {"dermatology", "urology"},
    "泌尿器科": {"urology"}, "肛門科": {"proctology"}, "産科": {"gynecology"},
    "眼科": {"ophthalmology"}, "放射線科": {"radiology"}, "麻酔科": {"anesthesiology"},
    "心療内科": {"psychiatry"}, "アレルギー科": {"internal_medicine", "allergy"},
    "リウマチ科": {"internal_medicine", "rheumatology"},
    "リハビリ科": {"orthopedics", "rehabilitation"}, "検査科": {"laboratory"},
    "救急科": {"emergency"},
}  # fmt: skip
GROUPS = set.union(*DEPARTMENTS.values())
# What a 傷病名コード or an ICD-10 code means; a code that is not here means no chronic condition.
DISEASES = {
    "8833421": "hypertension", "8840107": "hypertension", "I10": "hypertension",
    "I15.9": "hypertension", "2500013": "diabetes", "2500014": "diabetes", "E14": "diabetes",
    "8844446": "dyslipidemia", "8851146": "dyslipidemia", "E78.5": "dyslipidemia",
    "8844106": "chronic_kidney_disease", "N18.9": "chronic_kidney_disease",
    "4939008": "asthma", "J46": "asthma", "8840399": "copd", "J44.1": "copd",
    "2749004": "gout", "7906015": "gout", "E79.0": "gout", "M10.9": "gout",
    "4273006": "atrial_fibrillation", "I48.1": "atrial_fibrillation",
    "4139007": "ischemic_heart_disease", "I25.9": "ischemic_heart_disease",
    "4289015": "heart_failure", "I50": "heart_failure", "8838708": "stroke", "I64": "stroke",
    "I69.3": "stroke", "7330006": "osteoporosis", "M82.8": "osteoporosis",
    "4770002": "hay_fever", "J30.4": "hay_fever", "3659003": "glaucoma", "H40.9": "glaucoma",
}  # fmt: skip
# 小学校 begins with the school year in which a child turns seven.
GRADES = {"school_preschool": (0, 6), "school_last_preschool_year": (6, 6),
          "school_elementary": (7, 12), "school_junior_high": (13, 15),
          "school_high_age": (16, 18)}  # fmt: skip
# Tag: each item, how many months it counts, and which values are meant.
SINGLE: dict[str, dict[str, tuple[int, Callable[[float], bool]]]] = {
    "hba1c_over_threshold": {"hba1c_percent": (6, lambda v: v >= 5.6)},
    "fasting_glucose_over_threshold": {"fasting_glucose_mg_dl": (6, lambda v: v >= 100)},
    "lipids_over_threshold": {
        "triglycerides_mg_dl": (12, lambda v: v >= 150),
        "hdl_mg_dl": (12, lambda v: v < 40),
    },
    "ldl_over_threshold": {"ldl_mg_dl": (12, lambda v: v >= 140)},
    "bmi_over_threshold": {"bmi": (15, lambda v: v >= 25)},
    "bmi_under_threshold": {"bmi": (15, lambda v: v < 18.5)},
    "smoking": {"smoking_code": (15, lambda v: v == 1)},
}
SCREENINGS = {  # tag: sex, age from, months until the next, items that tell of it
    "breast_screening_due": ("female", 40, 24, {"mammography"}),
    "cervical_screening_due": ("female", 20, 24, {"cervical_cytology", "hpv_test_alone"}),
    "colorectal_screening_due": ("", 40, 12, {"fecal_occult_blood"}),
    "lung_screening_due": ("", 40, 12, {"chest_x_ray"}),
    "gastric_screening_due": ("", 50, 24, {"gastric_x_ray", "gastric_endoscopy"}),
}
LONGER = {"hpv_test_alone": 60}  # months that a test lasts, where not those of its screening
GLUCOSE = {"hba1c_percent": 6.5, "fasting_glucose_mg_dl": 126, "casual_glucose_mg_dl": 200}


def later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def age(born: date, today: date) -> int:
    """年齢計算ニ関スル法律: a year is completed at the end of the eve of the birthday."""
    tomorrow = today + timedelta(days=1)
    return tomorrow.year - born.year - ((tomorrow.month, tomorrow.day) < (born.month, born.day))


def tags(
    rows: Mapping[str, Sequence[Row]], today: date, kept: Collection[str] = ()
) -> dict[tuple[str, str], str]:
    """`kept` are the screenings that the clinic keeps records of."""
    found: dict[tuple[str, str], str] = {}
    listed = {patient["patient_no"] for patient in rows["patients"]}
    days = [
        row["visited_on"] for row in _came(rows["visits"], today) if row["patient_no"] in listed
    ]
    knows_newcomers = bool(days) and later(min(days), 12) <= today
    for patient in rows["patients"]:
        number = str(patient["patient_no"])
        own = {
            name: [row for row in rows.get(name, []) if row["patient_no"] == patient["patient_no"]]
            for name in ("visits", "conditions", "observations", "immunizations")
        }
        came = [r["visited_on"] for r in own["visits"] if r["status"] == "completed"]
        first_visit = min((day for day in came if day <= today), default=None)
        held = {
            **_age(patient, today),
            **_school(patient, today),
            **_sex(patient),
            **_visits(own["visits"], today, knows_newcomers=knows_newcomers),
            **_conditions(own["conditions"], today),
            "lifestyle_fee_within_6_months": "unknown",  # these clinics export no claims
            **_measurements(own["observations"], patient["sex"], today),
            **_screenings(patient, own["observations"], kept, today),
            **oracle_vaccines.due(patient, first_visit, own["immunizations"], today),
        }
        found |= {(number, tag): state for tag, state in held.items()}
    return found


def _age(patient: Row, today: date) -> dict[str, str]:
    if not patient["birth_date"]:
        return dict.fromkeys(BANDS, "unknown")
    years = age(patient["birth_date"], today)
    return {band: "has" for band, (low, high) in BANDS.items() if low <= years <= high}


def _sex(patient: Row) -> dict[str, str]:
    if patient["sex"] == "unknown":
        return {"sex_female": "unknown", "sex_male": "unknown"}
    return {f"sex_{patient['sex']}": "has"}


def _school(patient: Row, today: date) -> dict[str, str]:
    """The age on the eve of the school year, of which a grade is one more."""
    if not patient["birth_date"]:
        return dict.fromkeys(GRADES, "unknown")
    year = today.year if (today.month, today.day) >= (4, 1) else today.year - 1
    turns = age(patient["birth_date"], date(year, 3, 31)) + 1
    return {tag: "has" for tag, (low, high) in GRADES.items() if low <= turns <= high}


def _came(visits: Sequence[Row], today: date) -> list[Row]:
    return [row for row in visits if row["status"] == "completed" and row["visited_on"] <= today]


def _visits(visits: Sequence[Row], today: date, *, knows_newcomers: bool) -> dict[str, str]:
    came = _came(visits, today)
    days = {row["visited_on"] for row in came}
    lapsed = {f"no_visit_{months}_months": months for months in (3, 6, 12)}
    if not days:
        return dict.fromkeys([*lapsed, "visits_frequent", "visits_new"], "unknown")
    found = {tag: "has" for tag, months in lapsed.items() if later(max(days), months) <= today}
    if sum(later(day, 12) > today for day in days) >= 6:
        found["visits_frequent"] = "has"
    if (today - min(days)).days <= 30:
        found["visits_new"] = "has" if knows_newcomers else "unknown"
    named = {row["department"] for row in came if row["department"]}
    if not named:
        return found | {f"department_{group}": "unknown" for group in GROUPS}
    return found | {f"department_{each}": "has" for name in named for each in DEPARTMENTS[name]}


def _conditions(conditions: Sequence[Row], today: date) -> dict[str, str]:
    standing, cured, died = set(), dict[str, date](), dict[str, date]()
    for row in conditions:
        disease = DISEASES.get(row["code"])
        if disease is None or row["is_suspected"] or row["started_on"] > today:
            continue
        if row["outcome"] == "continued":
            standing.add(disease)
            continue
        ends = died if row["outcome"] == "died" else cured
        ends[disease] = max(row["started_on"], ends.get(disease, date.min))
    found = dict.fromkeys(standing, "has")
    if standing:
        found["under_treatment"] = "has"
    elif any(day > died.get(disease, date.min) for disease, day in cured.items()):
        found["treatment_ended"] = "has"
    return found


def _measurements(observations: Sequence[Row], sex: str, today: date) -> dict[str, str]:
    def valid(item: str, months: int) -> list[float]:
        """Return the valid values of an item, newest first."""
        mine = [
            row
            for row in observations
            if row["item"] == item
            and row["observed_on"] <= today <= later(row["observed_on"], months)
        ]
        return [row["value"] for row in sorted(mine, key=lambda r: r["observed_on"], reverse=True)]

    found = {}
    waist = valid("waist_cm", 15)
    limit = {"male": 85, "female": 90}.get(sex)
    if limit is None or not waist:
        found["waist_over_threshold"] = "unknown"
    elif waist[0] >= limit:
        found["waist_over_threshold"] = "has"
    pressures = {}
    for item, threshold in {"sbp_mmhg": 140, "dbp_mmhg": 90}.items():
        if values := valid(item, 12)[:2]:
            pressures[item] = sum(values) / len(values) >= threshold
    if not pressures:
        found["blood_pressure_over_threshold"] = "unknown"
    elif any(pressures.values()):
        found["blood_pressure_over_threshold"] = "has"
    sugars = [valid(i, 6)[0] >= limit for i, limit in GLUCOSE.items() if valid(i, 6)]
    if not sugars:
        found["glucose_over_threshold"] = "unknown"
    elif any(sugars):
        found["glucose_over_threshold"] = "has"
    for tag, items in SINGLE.items():
        met = [is_meant(valid(i, n)[0]) for i, (n, is_meant) in items.items() if valid(i, n)]
        if any(met) or not met:
            found[tag] = "has" if met else "unknown"
    return found


def _screenings(
    patient: Row, observations: Sequence[Row], kept: Collection[str], today: date
) -> dict[str, str]:
    born, sex, found = patient["birth_date"], patient["sex"], {}
    for tag, (only, first, months, items) in SCREENINGS.items():
        done = [
            (row["observed_on"], LONGER.get(row["item"], months) if row["value"] == 1 else months)
            for row in observations
            if row["item"] in items
        ]
        is_done = any(day <= today < later(day, lasting) for day, lasting in done)
        if (
            is_done
            or (only and sex not in {only, "unknown"})
            or (born and age(born, today) < first)
        ):
            continue
        is_known = born and not (only and sex == "unknown")
        is_known = is_known and tag.removesuffix("_screening_due") in kept
        found[tag] = "has" if is_known else "unknown"
    spring = date(today.year - (today.month < 4), 4, 1)
    waists = [row["observed_on"] for row in observations if row["item"] == "waist_cm"]
    is_done = any(spring <= day <= today for day in waists)
    in_range = not born or (age(born, today) < 75 and age(born, date(spring.year + 1, 3, 31)) >= 40)
    if in_range and not is_done:
        is_known = born and "specific_checkup" in kept
        found["specific_checkup_due"] = "has" if is_known else "unknown"
    return found
