"""A clinic's folder for tests of ingest: files in, what landed and what was said of each out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dagster_project.clinic import Clinic
from dagster_project.ingest import FileReport, IngestReport, ingest_clinic
from dagster_project.ingest.contract import DATASETS
from dagster_project.ingest.landing import Landing, file_id_of

TODAY = date(2026, 6, 1)
PATIENTS: dict[str, Any] = {
    "files": "patients_{date}.csv",
    "format": "csv",
    "mode": "full",
    "encoding": "utf-8",
    "ignore": ["氏名", "メモ"],
    "records": [
        {
            "dataset": "patients",
            "columns": {
                "patient_no": "患者番号",
                "sex": {"header": "性別", "values": {"男": "male", "女": "female"}},
                "birth_date": "生年月日",
            },
        }
    ],
}
VISITS: dict[str, Any] = {
    "files": "visits_{date}*.csv",
    "format": "csv",
    "mode": "delta",
    "encoding": "utf-8",
    "records": [
        {
            "dataset": "visits",
            "columns": {"patient_no": "患者番号", "visited_on": "来院日", "department": "科"},
        }
    ],
}
HEADER = "患者番号,氏名,性別,生年月日,メモ"
NAME = "漆原 千鶴"  # nobody's; no error may ever repeat it
ROW = f"0012,{NAME},女,1970/3/2,"


@dataclass
class Exports:
    """One clinic's exports folder, its landing folder, and the declaration in between."""

    root: Path
    feeds: Mapping[str, Mapping[str, Any]]
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def folder(self) -> Path:
        return self.root / "exports" / "clinic"

    @property
    def landing(self) -> Path:
        return self.root / "landing" / "clinic"

    def clinic(self) -> Clinic:
        said = {"clinic_id": "clinic", "name": "試験医院", "line": {"channel": "c"}, **self.more}
        return Clinic.model_validate({**said, "feeds": self.feeds})

    def write(self, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def land(self, as_of: date = TODAY) -> IngestReport:
        return ingest_clinic(self.clinic(), self.folder, self.root / "landing", as_of)

    def report(self, name: str, as_of: date = TODAY) -> FileReport:
        """Land the folder and return what was said of one file."""
        (found,) = [file for file in self.land(as_of).files if file.name == name]
        return found

    def registry(self) -> list[dict[str, Any]]:
        return Landing(self.landing).sightings()

    def rows(self, dataset: str, *columns: str) -> list[tuple[Any, ...]]:
        """Return the records of all landed files, by file and line."""
        landed = {row["file_id"]: row["name"] for row in self.registry() if not row["error"]}
        found = [
            (landed[row["file_id"]], row["line_no"], tuple(row[name] for name in columns))
            for path in (self.landing / dataset).glob("*.parquet")
            for row in pq.read_table(path).to_pylist()
            if row["file_id"] in landed
        ]
        return [values for _, _, values in sorted(found, key=lambda each: each[:2])]

    def kept_of(self, path: Path) -> list[str]:
        """Return the datasets that hold anything of a file, finished or half written."""
        found = self.landing.glob(f"*/{file_id_of(path)}.*")
        return sorted(each.parent.name for each in found if each.parent.name in DATASETS)


def patients(root: Path, **changes: Any) -> Exports:
    """Return a clinic that exports a patient list alone; changes are to its feed."""
    return Exports(root, {"patients": {**PATIENTS, **changes}})
