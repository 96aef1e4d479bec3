"""What is wrong with a file, said so that a person can find and mend it."""

from dataclasses import dataclass

SHOWN = 40  # characters of a cell that an error repeats; enough to find it, no more


@dataclass
class BadFileError(Exception):
    """A file, or a row of it, that cannot be read as declared."""

    line: int | None
    column: str | None
    found: str
    expected: str

    def __str__(self) -> str:
        """Return one sentence with line, column, what was found and what was expected."""
        where = [f"line {self.line}" if self.line else "", self.column or ""]
        place = ", ".join(part for part in where if part)
        found = self.found if len(self.found) <= SHOWN else f"{self.found[:SHOWN]}..."
        return f"{place}: found {found!r}, expected {self.expected}"
