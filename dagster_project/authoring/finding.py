"""One line of lint: where, what is wrong, what to do. And what counts as not yet written."""

import re
from dataclasses import dataclass
from pathlib import Path

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龥々]")
# What `tagline new` leaves to be filled in.
PLACEHOLDER = re.compile(r"（[^（）]*書く）")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to put right; a warning does not fail the build."""

    path: Path
    line: int
    wrong: str
    to_do: str
    is_error: bool = True

    def shown(self, root: Path) -> str:
        """Return it as one line, its path as seen from root."""
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        kind = "" if self.is_error else "warning: "
        return f"{path.as_posix()}:{self.line}: {kind}{self.wrong}; {self.to_do}"


def is_written(value: object) -> bool:
    """Return whether a person wrote a text here: not blank, not a placeholder."""
    return isinstance(value, str) and bool(value.strip()) and not PLACEHOLDER.search(value)


def is_japanese(value: object) -> bool:
    """Return whether there is a text with Japanese in it."""
    return isinstance(value, str) and bool(JAPANESE.search(value))


def is_whole(value: object, least: int) -> bool:
    """Return whether there is a whole number, and no smaller one than `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
