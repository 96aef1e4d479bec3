"""Invented clinics in the formats real ones use, and the truth about their patients.

The generator is constructive: it decides who holds a tag, and then writes exports
that make it so. It shares no code and no tables with the parser or the SQL.
"""

import shutil
from datetime import date
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.sample import aozora, hinata
from dagster_project.sample.people import invent
from dagster_project.sample.person import Person
from dagster_project.sample.screenings import give_screenings

HERE = Path(__file__).parent
WRITERS = {"aozora": aozora.write, "hinata": hinata.write}
# Those each clinic keeps records of, as its clinic.yaml says.
SCREENINGS = {
    "aozora": ("breast", "cervical", "colorectal", "lung", "gastric", "specific_checkup"),
    "hinata": ("colorectal", "specific_checkup"),
}


def write_sample(out: Path, patients: int, seed: int, as_of: date) -> None:
    """Write two clinics of so many patients each into a folder.

    Beside them `business_day`, the day they are written for, and `truth/`, one Parquet
    a clinic (patient_id, tag, state: has or unknown; a tag not listed is not held).
    The pipeline never reads `truth/`. The same arguments write the same bytes.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "business_day").write_text(f"{as_of}\n", encoding="utf-8")
    for clinic_id, write in WRITERS.items():
        chance = Random(f"{seed}/{clinic_id}")  # noqa: S311 - the same sample every time
        folder = out / clinic_id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copyfile(HERE / f"{clinic_id}.yaml", folder / "clinic.yaml")
        shutil.copytree(HERE / "questionnaires", folder / "questionnaires")
        shutil.copyfile(HERE / "replies.yaml", folder / "replies.yaml")
        people = invent(patients, chance, as_of)
        for person in people:
            give_screenings(person, SCREENINGS[clinic_id], as_of)
        write(folder, people, chance, as_of)
        _write_truth(out / "truth" / f"{clinic_id}.parquet", people)


def _write_truth(path: Path, people: list[Person]) -> None:
    path.parent.mkdir(exist_ok=True)
    rows = [
        {"patient_id": str(person.number), "tag": tag, "state": state}
        for person in people
        for tag, state in sorted(person.truth.items())
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
