"""Codes, thresholds and schedules are rows with a first and a last day, and a source."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest
from nights import DBT

# What a name or a code of these means does not change from one day to the next: words of ours,
# products, and extracts of the public masters, whose edition is in the source.
UNDATED = {"answer_items", "consent_purposes", "decision_reasons"}
UNDATED |= {"vaccines", "condition_codes", "drug_codes"}
DATED = sorted(p.stem for p in (DBT / "seeds").glob("*.csv") if p.stem not in UNDATED)
READS = re.compile(r"""ref\(["'](\w+)["']\) }}(?: as (\w+))?""")
READERS = sorted(
    path
    for folder in ("models", "campaigns", "macros")
    for path in (DBT / folder).rglob("*.sql")
    if set(DATED) & {name for name, _ in READS.findall(path.read_text(encoding="utf-8"))}
)


@pytest.mark.parametrize("seed", DATED)
def test_every_row_says_from_when_to_when_and_by_whom(seed: str) -> None:
    with (DBT / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        first = date.fromisoformat(row["valid_from"])
        assert date.fromisoformat(row["valid_to"] or "9999-12-31") >= first, row
        assert row["source"].strip(), row


def test_what_needs_no_day_is_there() -> None:
    assert {path.stem for path in (DBT / "seeds").glob("*.csv")} >= UNDATED
    assert len(READERS) > 12


@pytest.mark.parametrize("reader", READERS, ids=lambda path: path.stem)
def test_whoever_reads_a_dated_seed_asks_for_its_day(reader: Path) -> None:
    text = reader.read_text(encoding="utf-8")
    for seed, alias in READS.findall(text):
        if seed in DATED:
            asked = f'in_force("{alias}"' in text or re.search(r"\bvalid_from <= ", text)
            assert asked, f"{reader.name} reads {seed} whatever its days"
