"""A hand-made clinic for a test: rows in, a folder of plain CSV exports out."""

import csv
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

Row = Mapping[str, object]

COLUMNS = {
    "patients": ["patient_no", "sex", "birth_date", "is_test", "is_deceased", "care_status"],
    "visits": ["patient_no", "visited_on", "department", "status"],
    "appointments": ["patient_no", "scheduled_on", "department", "status"],
    "conditions": [
        "patient_no", "code", "code_system", "started_on", "ended_on", "outcome", "is_suspected",
    ],
    "observations": ["patient_no", "observed_on", "item", "value", "unit"],
    "immunizations": ["patient_no", "vaccine", "given_on", "dose_no", "status"],
    "line_links": [
        "line_user_id", "patient_no", "relation", "linked_on", "friend_status",
        "consent_purposes", "consented_on", "consent_version",
    ],
}  # fmt: skip
DEFAULTS: dict[str, Row] = {
    "patients": {"sex": "female", "birth_date": "1970-03-02", "care_status": "active"},
    "visits": {"department": "内科", "status": "completed"},
    "appointments": {"department": "内科", "status": "booked"},
    "conditions": {"code_system": "mhlw", "outcome": "continued"},
    "observations": {},
    "immunizations": {"status": "completed"},
    "line_links": {
        "relation": "self",
        "linked_on": "2026-01-05",
        "friend_status": "following",
        "consent_purposes": "visit|checkup|vaccine|lifestyle",
        "consented_on": "2026-01-05",
        "consent_version": "v1",
    },
}
DEPARTMENTS = {
    "内科": "01", "小児科": "09", "整形外科": "11", "皮膚科": "19", "婦人科": "25", "耳鼻科": "27",
    "精神科": "02", "神経内科": "04", "呼吸器科": "05", "胃腸科": "07", "循環器科": "08",
    "外科": "10", "美容外科": "13", "脳外科": "14", "呼吸器外科": "15", "心臓血管外科": "16",
    "小児外科": "17", "皮膚泌尿器科": "18", "泌尿器科": "20", "肛門科": "22", "産科": "24",
    "眼科": "26", "放射線科": "30", "麻酔科": "31", "心療内科": "33", "アレルギー科": "34",
    "リウマチ科": "35", "リハビリ科": "36", "検査科": "38", "救急科": "39",
}  # fmt: skip


def user(number: int) -> str:
    """Return a well-formed LINE user id that is nobody's."""
    return f"U{number:032x}"


def clinic_yaml(
    clinic_id: str, delta: frozenset[str] | set[str] = frozenset(), **changes: object
) -> dict[str, object]:
    """Return the declaration of a clinic that exports every dataset, as full dumps or deltas."""
    feeds = {
        name: {
            "files": f"{name}_{{date}}.csv",
            "format": "csv",
            "mode": "delta" if name in delta else "full",
            "encoding": "utf-8",
            "required": name in {"patients", "visits"},
            "max_age_open_days": 1 if name == "visits" else None,
            "records": [{"dataset": name, "columns": {column: column for column in columns}}],
        }
        for name, columns in COLUMNS.items()
    }
    return {
        "clinic_id": clinic_id,
        "name": "試験クリニック",
        "line": {"channel": clinic_id, "monthly_limit": 5000},
        "calendar": {"closed_weekdays": ["thu", "sun"]},
        "limits": {"max_shrink": 0.3},
        "departments": DEPARTMENTS,
        "feeds": feeds,
        **changes,
    }


def write_clinic(
    exports: Path,
    clinic_id: str,
    exported_on: date,
    rows: Mapping[str, Sequence[Row]],
    **changes: Any,
) -> Path:
    """Write a clinic's folder as of one export day and return it; older files stay beside it."""
    folder = exports / clinic_id
    folder.mkdir(parents=True, exist_ok=True)
    declaration = yaml.safe_dump(clinic_yaml(clinic_id, **changes), allow_unicode=True)
    (folder / "clinic.yaml").write_text(declaration, encoding="utf-8")
    for name, columns in COLUMNS.items():
        path = folder / f"{name}_{exported_on:%Y%m%d}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows({**DEFAULTS[name], **row} for row in rows.get(name, []))
    return folder
