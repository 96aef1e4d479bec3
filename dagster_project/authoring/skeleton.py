"""What beginning a tag and beginning a campaign share: names, blanks, and a place in a list."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dagster_project.authoring.sql import read_sql

SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST = 50  # PostgreSQL and friends cut identifiers at 63
NO_LABEL = "（日本語の名前を書く）"


class SkeletonError(Exception):
    """Nothing was begun and nothing written; the message says what to do."""


def check_name(what: str, text: str) -> None:
    """Raise SkeletonError where a text cannot be the name of a model's file."""
    if not SNAKE.fullmatch(text) or len(text) > LONGEST:
        message = (
            f"{what} {text!r}: up to {LONGEST} small letters, digits and single underscores,"
            " a letter first (no_visit_6_months)"
        )
        raise SkeletonError(message)


def filled(name: str, blanks: Mapping[str, str]) -> str:
    """Return a skeleton of this folder with its blanks filled in."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    for blank, words in blanks.items():
        text = text.replace(blank, words)
    return text


def with_listed(path: Path, variable: str, name: str, kin: Collection[str] = ()) -> str:
    """Return a SQL file with a name added to its list, behind the last of its kin or of all.

    Raises SkeletonError where the list is not written one name a line, or has it already.
    """
    listed = read_sql(path).listed(variable) if path.exists() else None
    if not listed:
        message = f"{path} has no list of {variable}, {{% set {variable} = [...] %}}: mend it first"
        raise SkeletonError(message)
    if name in {each for each, _ in listed}:
        raise SkeletonError(f"{path} lists {name} already: take another name, or drop it there")
    last = max((line for each, line in listed if each in kin), default=listed[-1][1])
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if not re.fullmatch(r"""\s*["']\w+["'],\s*""", lines[last - 1]):
        raise SkeletonError(
            f"{path}:{last}: write one name a line, each with its comma, then again"
        )
    lines.insert(last, f'    "{name}",\n')
    return "".join(lines)
