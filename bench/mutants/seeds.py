"""Mistakes in seeds: a row that is missing, a bound one step off."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from bench.mutants.mutants import Mutant

# The extracts of public masters, code by code: long lists, written by nobody here.
MASTERS = {"condition_codes", "drug_codes"}
NUMBER = re.compile(r"\d{1,4}(\.\d+)?")
BOUNDS = re.compile(r"(min|max)_\w+|\w*threshold|\w+_months|dose_no")


def seed_mutants(dbt_dir: Path, names: Collection[str]) -> list[Mutant]:
    """Return every mutant of the seeds named, the extracts of masters left out."""
    found: list[Mutant] = []
    for path in sorted(dbt_dir.glob("seeds/*.csv")):
        if path.stem in names and path.stem not in MASTERS:
            found += _of(path)
    return found


def _of(path: Path) -> Iterator[Mutant]:
    lines = path.read_text("utf-8").splitlines()
    header, *rows = csv.reader(io.StringIO("\n".join(lines)))
    file, seed = f"dbt/seeds/{path.name}", path.stem
    for number, row in enumerate(rows):
        where, line, text = f"where rowid = {number}", number + 2, lines[number + 1]
        drop = f'delete from main."{seed}" {where}'
        yield Mutant(file, line, text, "row", row[0], "", seed=seed, change=drop)
        for column, value in zip(header, row, strict=True):
            for kind, after, sql in _off_by_one(column, value):
                change = f'update main."{seed}" set {column} = {sql} {where}'
                yield Mutant(file, line, text, kind, value, after, seed=seed, change=change)


def _off_by_one(column: str, value: str) -> Iterator[tuple[str, str, str]]:
    if not value:
        return
    if BOUNDS.fullmatch(column) and NUMBER.fullmatch(value):
        whole, _, decimals = value.partition(".")
        for step in (1, -1):
            moved = (int(whole + decimals) + step) / 10 ** len(decimals)
            after = f"{moved:.{len(decimals)}f}"
            yield f"{column} {step:+d}", after, after
