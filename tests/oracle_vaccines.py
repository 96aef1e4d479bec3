"""Which vaccines are due, said once more in plain Python: is this dose allowed on this very day?

No window is reckoned here. A child has an age today in completed months or days, so many days lie
between the last dose and today, and each condition of a dose is a yes or no about today.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

Row = Mapping[str, Any]
SERIES = {
    "5種混合": "five_in_one_due",
    "4種混合": "five_in_one_due",
    "3種混合": "five_in_one_due",
    "小児肺炎球菌": "pneumococcal_child_due",
    "B型肝炎": "hepatitis_b_due",
    "ロタ": "rotavirus_due",
    "ロタ1価": "rotavirus_due",
    "ロタ5価": "rotavirus_due",
    "BCG": "bcg_due",
    "MR": "mr_due",
    "水痘": "chickenpox_due",
    "日本脳炎": "japanese_encephalitis_due",
    "DT": "dt_due",
    "HPV": "hpv_due",
    "インフルエンザ": "influenza_due",
    "新型コロナ": "covid_due",
    "高齢者肺炎球菌": "pneumococcal_due",
    "帯状疱疹": "zoster_due",
    "帯状疱疹生": "zoster_due",
    "帯状疱疹組換え": "zoster_due",
}
OTHERS = {"おたふくかぜ", "麻しん", "Hib", "A型肝炎"}  # known, and part of no schedule
LIVE_INJECTED = {"MR", "水痘", "BCG", "おたふくかぜ", "麻しん", "帯状疱疹生"}
LIVE_TAGS = {"mr_due", "chickenpox_due", "bcg_due"}
YEARLY = {"influenza_due": (10, 11, 12, 1), "covid_due": (10, 11, 12, 1, 2, 3)}
# tag: (doses, age in months when asked, when no longer, months of age it must have begun before)
MONTHS = {
    "five_in_one_due": [(2, 90, 0)] * 4,
    "pneumococcal_child_due": [(2, 60, 0), (2, 24, 7), (2, 24, 7), (12, 60, 7)],
    "hepatitis_b_due": [(2, 12, 0), (2, 12, 0), (7, 12, 0)],
    "bcg_due": [(5, 12, 0)],
    "chickenpox_due": [(12, 36, 0)] * 2,
    "japanese_encephalitis_due": [(36, 90, 0), (36, 90, 0), (48, 90, 0), (108, 156, 0)],
    "dt_due": [(132, 156, 0)],
}
REST_DAYS = {"five_in_one_due": (20, 20, 0), "pneumococcal_child_due": (27, 27, 60),
             "hepatitis_b_due": (27, 0), "rotavirus_due": (27,),
             "japanese_encephalitis_due": (6, 0, 6)}  # fmt: skip
REST_MONTHS = {("five_in_one_due", 4): 6, ("chickenpox_due", 2): 3,
               ("japanese_encephalitis_due", 3): 6, ("hpv_due", 2): 5}  # fmt: skip
ASKS_HISTORY = {"five_in_one_due", "pneumococcal_child_due", "hepatitis_b_due", "rotavirus_due",
                "bcg_due", "japanese_encephalitis_due", "dt_due"}  # fmt: skip
BEGUN_BEFORE = {("hpv_due", 2): 180}
COUNTS = {"mr_due": 2, "hpv_due": 2, "rotavirus_due": 2}


def months_old(born: date, today: date) -> int:
    """Months whose same day has come; the last day of a month stands for one it lacks."""
    months = (today.year - born.year) * 12 + today.month - born.month
    tomorrow = today + timedelta(days=1)
    has_come = today.day >= born.day or tomorrow.day == 1
    return months - (not has_come)


def months_over(born: date, today: date) -> int:
    """Months that were complete when yesterday ended: on the eve itself one is still in time."""
    return months_old_by_law(born, today - timedelta(days=1))


def months_old_by_law(born: date, today: date) -> int:
    """Months complete when today ends, as a month ends on the eve of the same day (民法143条)."""
    tomorrow = today + timedelta(days=1)
    months = (tomorrow.year - born.year) * 12 + tomorrow.month - born.month
    return months - (tomorrow.day < born.day)


def school_age(born: date, today: date) -> int:
    """The age reached within the fiscal year of today."""
    year = today.year if (today.month, today.day) >= (4, 1) else today.year - 1
    return months_old_by_law(born, date(year + 1, 3, 31)) // 12


def due(
    patient: Row, first_visit: date | None, given: Sequence[Row], today: date
) -> dict[str, str]:
    """Return has or unknown for each vaccine tag of one patient."""
    tags = [
        *MONTHS,
        "mr_due",
        "hpv_due",
        "rotavirus_due",
        *YEARLY,
        "pneumococcal_due",
        "zoster_due",
    ]
    if patient["sex"] == "male":
        tags.remove("hpv_due")
    if not patient["birth_date"]:
        return dict.fromkeys(tags, "unknown")
    found = {tag: _tag(patient, first_visit, given, today, tag) for tag in tags}
    return {tag: state for tag, state in found.items() if state}


def _tag(
    patient: Row, first_visit: date | None, given: Sequence[Row], today: date, tag: str
) -> str:
    count = len(MONTHS.get(tag, ())) or COUNTS.get(tag, 1)
    states = [_dose(patient, first_visit, given, today, tag, n) for n in range(1, count + 1)]
    return "has" if "has" in states else "unknown" if "unknown" in states else ""


def _dose(
    patient: Row, first_visit: date | None, given: Sequence[Row], today: date, tag: str, number: int
) -> str:
    born = patient["birth_date"]
    own = [row for row in given if SERIES.get(row["vaccine"]) == tag]
    if tag in YEARLY:
        year = today.year - (today.month < 4)
        own = [row for row in own if row["given_on"] >= date(year, 4, 1)]
        had = len({row["given_on"] for row in own})
    else:
        numbers = [row["dose_no"] for row in own if row["dose_no"]]
        had = max([len({row["given_on"] for row in own}), *numbers])
    if had >= number or not _is_open(born, today, tag, number):
        return ""
    if tag == "hpv_due" and patient["sex"] == "unknown":
        return "unknown"
    if any(row["vaccine"] not in {*SERIES, *OTHERS} for row in given):
        return "unknown"
    if tag in ASKS_HISTORY and number == 1 and not own:
        was_here = first_visit and not (_asked(born, first_visit - timedelta(days=1), tag))
        if not was_here:
            return "unknown"
    start = min((row["given_on"] for row in own), default=None)
    limit = MONTHS[tag][number - 1][2] if tag in MONTHS else BEGUN_BEFORE.get((tag, number), 0)
    if limit and start and months_old(born, start) >= limit:
        return "unknown"
    if had < number - 1:
        return "" if _is_not_over(born, today, tag, number - 1) else "unknown"
    return "has" if _has_rested(given, own, today, tag, number) else ""


def _asked(born: date, day: date, tag: str) -> bool:
    """Whether the first dose was already asked for on a day."""
    if tag == "rotavirus_due":
        return (day - born).days >= 42
    return months_old(born, day) >= MONTHS[tag][0][0]


def _is_open(born: date, today: date, tag: str, number: int) -> bool:
    if tag == "rotavirus_due":
        return (today - born).days >= 42 and _is_not_over(born, today, tag, number)
    if tag in MONTHS:
        is_asked = months_old(born, today) >= MONTHS[tag][number - 1][0]
        return is_asked and _is_not_over(born, today, tag, number)
    if tag == "mr_due" and number == 1:
        return months_old(born, today) >= 12 and _is_not_over(born, today, tag, number)
    if tag == "mr_due":
        return school_age(born, today) == 6
    if tag == "hpv_due":
        return 12 <= school_age(born, today) <= 16
    if tag in YEARLY:
        return today.month in YEARLY[tag] and months_old_by_law(born, today) >= 12 * 65
    if tag == "pneumococcal_due":
        # On the eve of the 66th birthday it may still be given.
        return months_old_by_law(born, today) >= 780 and months_over(born, today) < 792
    reached = school_age(born, today)
    is_transition = date(2025, 4, 1) <= today <= date(2030, 3, 31)
    return reached == 65 or (is_transition and reached in range(70, 101, 5))


def _is_not_over(born: date, today: date, tag: str, number: int) -> bool:
    if tag == "rotavirus_due":
        return (today - born).days <= (104, 168)[number - 1]
    if tag == "mr_due":
        return months_over(born, today) < 24
    if tag == "hpv_due":
        return school_age(born, today) <= 16
    return months_over(born, today) < MONTHS[tag][number - 1][1]


def _has_rested(
    given: Sequence[Row], own: Sequence[Row], today: date, tag: str, number: int
) -> bool:
    live = [row["given_on"] for row in given if row["vaccine"] in LIVE_INJECTED]
    if tag in LIVE_TAGS and live and (today - max(live)).days - 1 < 27:
        return False
    if not own or number == 1:
        return True
    last, first = max(row["given_on"] for row in own), min(row["given_on"] for row in own)
    clear = REST_DAYS.get(tag, ())[number - 2 : number - 1]
    if clear and clear[0] and (today - last).days - 1 < clear[0]:
        return False
    if (tag, number) == ("hepatitis_b_due", 3) and (today - first).days - 1 < 139:
        return False
    months = REST_MONTHS.get((tag, number))
    return not months or months_old(last, today) >= months
