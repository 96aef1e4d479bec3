"""A SQL file as its author wrote it: the sentence it begins with, and its text without comments."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
REF = re.compile(r"""\bref\(\s*["'](\w+)["']\s*\)""")


@dataclass(frozen=True)
class Sql:
    """One SQL file."""

    path: Path
    raw: str

    @cached_property
    def bare(self) -> str:
        """Return the text with comments blanked out, every other character in its place."""
        return COMMENT.sub(_blank, self.raw)

    @property
    def plain(self) -> str:
        """Return the text without comments and without what Jinja works out."""
        return JINJA.sub(_blank, self.bare)

    @property
    def is_utf8(self) -> bool:
        """Return whether every character of the file could be read."""
        return "\ufffd" not in self.raw

    @property
    def rule(self) -> str:
        """Return the sentence it begins with, or nothing where code comes first."""
        said = []
        for line in self.raw.splitlines():
            if not line.startswith("--"):
                break
            said.append(line.removeprefix("--").strip())
        return " ".join(said).strip()

    def line(self, offset: int) -> int:
        """Return the line an offset of the text stands on."""
        return self.raw.count("\n", 0, offset) + 1

    def listed(self, variable: str) -> list[tuple[str, int]] | None:
        """Return the names of `{% set variable = [...] %}` with their lines, None without one."""
        block = re.search(rf"\{{%-?\s*set\s+{variable}\s*=\s*\[(.*?)\]", self.bare, re.DOTALL)
        if block is None:
            return None
        names = re.finditer(r"""["']([^"']+)["']""", block.group(1))
        return [(name.group(1), self.line(block.start(1) + name.start())) for name in names]


def read_sql(path: Path) -> Sql:
    """Return a SQL file; what is not UTF-8 in it is replaced, and `is_utf8` says so."""
    return Sql(path, path.read_text(encoding="utf-8", errors="replace"))


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found.group())
