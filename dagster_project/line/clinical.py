"""Words that tell whoever sees a screen what is wrong with somebody.

Most are read from the code seeds, so that a condition, drug, test or vaccine the tags know of
is a word no message may say. `clinical_words.csv` adds what no seed names, and lists what may
be said after all.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from dagster_project.settings import ROOT

SEEDS = {
    "condition_concepts": "label_ja",
    "condition_codes": "label_ja",
    "drug_codes": "label_ja",
    "observation_items": "label_ja",
    "screening_records": "label_ja",
    "screening_schedule": "label_ja",
    "vaccines": "label_ja",
}
# By what the tags call them an address would tell as well: /heart-failure.
NAMES = {"condition_concepts": "condition", "screening_schedule": "screening"}
# What labels say beside the thing itself, and tells nothing alone.
EVERYDAY = re.compile(
    r"特定健診|特定健康診査|検診|単独|.価|吸う|吸わない|やめた|急性期|慢性期|NGSP|製品の記録なし"
    r"|specific checkup"
)
PARTS = re.compile(r"[・、/\s()（）]+")
MIN_LETTERS = 2
OPEN, DEPARTMENT = "open", "department"


def revealing(text: str) -> list[str]:
    """Return the clinical words in a text: diseases, organs, drugs, tests, some departments.

    However they are written: full or half width, large or small letters, in an address. Of
    words within one another only the longest is returned.
    """
    folded = _folded(unquote(text))
    found = [word for word in clinical_words() if _says(folded, _folded(word))]
    return [word for word in found if not any(word != each and word in each for each in found)]


@cache
def clinical_words() -> tuple[str, ...]:
    """Return every word that may not be said, in the order of the alphabet."""
    own = _rows(Path(__file__).with_name("clinical_words.csv"))
    added = {row["word"] for row in own if row["kind"] != OPEN}
    may_be_said = {_folded(row["word"]) for row in own if row["kind"] == OPEN}
    seeds = ROOT / "dbt" / "seeds"
    named = {row["word"] for row in own if row["kind"] == DEPARTMENT}
    words = added | {*_from_seeds(seeds), *_names(seeds), *_departments(seeds, named)}
    return tuple(sorted(each for each in words if _folded(each) not in may_be_said))


def _says(folded: str, word: str) -> bool:
    if not word.isascii():
        return word in folded
    # DT stands in "width" too: letters of ours must stand alone.
    letters = re.escape(word).replace(r"\ ", "[-_ ]?")
    return bool(re.search(rf"(?<![a-z]){letters}(?![a-z])", folded))


def _from_seeds(folder: Path) -> Iterator[str]:
    for name, column in SEEDS.items():
        for row in _rows(folder / f"{name}.csv"):
            for part in PARTS.split(unicodedata.normalize("NFKC", row[column])):
                if len(part) >= MIN_LETTERS and not part.isdigit() and not EVERYDAY.fullmatch(part):
                    yield part


def _names(folder: Path) -> Iterator[str]:
    for name, column in NAMES.items():
        words = {row[column].replace("_", " ") for row in _rows(folder / f"{name}.csv")}
        yield from (each for each in words if not EVERYDAY.fullmatch(each))


def _departments(folder: Path, named: set[str]) -> Iterator[str]:
    """Yield what the tags call the departments whose Japanese names may not be said."""
    for row in _rows(folder / "department_groups.csv"):
        if row["department_ja"] in named:
            yield row["department_group"].replace("_", " ")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
