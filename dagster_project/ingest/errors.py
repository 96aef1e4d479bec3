"""What is wrong with a file, said so that a person can find and mend it."""

from dataclasses import dataclass

SHOWN = 40  # characters of a cell that an error repeats; enough to find it, no more


@dataclass
class BadFileError(Exception):
    """A file, or a row of it, that cannot be read as declared.

    `found` repeats a cell only where headers, dates or codes are wrong. It is kept
    with the file for ever, so it never holds a name or a whole row.
    """

    line: int | None
    column: str | None
    found: str
    expected: str

    def __post_init__(self) -> None:
        if len(self.found) > SHOWN:
            self.found = f"{self.found[: SHOWN - 1]}…"

    def __str__(self) -> str:
        """Return one sentence with line, column, what was found and what was expected."""
        where = [f"line {self.line}" if self.line else "", self.column or ""]
        place = ", ".join(part for part in where if part)
        sentence = f"found {self.found!r}, expected {self.expected}"
        return f"{place}: {sentence}" if place else sentence
