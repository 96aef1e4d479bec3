"""Mutants that change nothing, each with the reason: declared.csv."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from bench.mutants.mutants import Mutant

FILE = Path(__file__).with_name("declared.csv")


@dataclass(frozen=True)
class Declared:
    """A mutant by its file, the text of its line, the kind of mistake and what it replaces.

    A text between slashes is a pattern: a way of writing that never minds this mistake. A
    file of ``*`` is any.
    """

    file: str
    text: str
    kind: str
    before: str
    reason: str

    def is_of(self, mutant: Mutant) -> bool:
        """Return whether a mutant is this one."""
        if self.kind != mutant.kind or self.before != mutant.before:
            return False
        if self.text.startswith("/"):
            has_text = re.fullmatch(self.text.strip("/"), mutant.text) is not None
        else:
            has_text = self.text == mutant.text
        return has_text and self.file in {mutant.file, "*"}


def declared(path: Path = FILE) -> list[Declared]:
    """Return the mutants that somebody has looked at and found to change nothing."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Declared(**row) for row in csv.DictReader(file)]
