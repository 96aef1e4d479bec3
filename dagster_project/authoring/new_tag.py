"""`tagline new tag`: a skeleton that builds, whose blanks lint asks for by name."""

import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from dagster_project.authoring.project import TAG, Project
from dagster_project.authoring.sql import read_sql
from dagster_project.exit_codes import FAILED, OK
from dagster_project.settings import Settings

SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST = 50  # PostgreSQL and friends cut identifiers at 63
REVIEWED_AFTER = timedelta(days=183)
NO_LABEL = "（日本語の名前を書く）"


class NewTagError(Exception):
    """The tag was not begun, nothing was written; the message says what to do."""


def new_tag(dbt_dir: Path, name: str, family: str, label: str | None, as_of: date) -> list[Path]:
    """Write a tag's SQL and yml and list it; return the files to open, first the one to begin with.

    Raises NewTagError when the name cannot be taken.
    """
    project = Project(dbt_dir)
    _check(project, name, family)
    list_sql = _with(project, name, family)
    here = Path(__file__)
    sql = here.with_name("tag_skeleton.sql").read_text(encoding="utf-8")
    yml = here.with_name("tag_skeleton.yml").read_text(encoding="utf-8")
    blanks = {
        "@NAME@": name,
        "@FAMILY@": family,
        # JSON is yml that no character of a label can break.
        "@LABEL@": json.dumps(label, ensure_ascii=False) if label else NO_LABEL,
        "@REVIEW_ON@": (as_of + REVIEWED_AFTER).isoformat(),
    }
    for blank, text in blanks.items():
        yml = yml.replace(blank, text)
    path = dbt_dir / "models" / "tags" / family / f"{TAG}{name}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(sql, encoding="utf-8")
    path.with_suffix(".yml").write_text(yml, encoding="utf-8")
    project.tag_list.write_text(list_sql, encoding="utf-8")
    return [path, path.with_suffix(".yml"), project.tag_list]


def run_new_tag(
    settings: Settings, name: str, family: str, label: str | None, console: Console
) -> int:
    """Begin a tag and print what to do next; return FAILED when its name cannot be taken."""
    try:
        written = new_tag(settings.dbt_dir, name, family, label, settings.as_of())
    except NewTagError as error:
        console.print(f"new tag: {error}", markup=False, highlight=False, soft_wrap=True)
        return FAILED
    for line in _next_steps(written):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return OK


def _next_steps(written: Sequence[Path]) -> list[str]:
    sql, yml, listed = written
    return [
        f"1. {sql}: say the rule in the first line, then write it (as it stands: two visit days)",
        f"2. {yml}: fill every （…）, check validity_days, review_on, sensitivity, looks_at",
        "   and the unit test, which shows a row on each side of the boundary",
        f"3. {listed}: it is listed already; move it if the order matters to you",
        "4. tagline lint, until it says 0 errors; then make test",
    ]


def _check(project: Project, name: str, family: str) -> None:
    for what, text in (("name", name), ("family", family)):
        if not SNAKE.fullmatch(text) or len(text) > LONGEST:
            message = (
                f"{what} {text!r}: up to {LONGEST} small letters, digits and single underscores,"
                " a letter first (no_visit_6_months)"
            )
            raise NewTagError(message)
    if name.startswith(TAG):
        raise NewTagError(f"name {name!r}: the files add {TAG} themselves, leave it out")
    if f"{TAG}{name}" in project.model_names:
        there = project.tags.get(name)
        place = f" in the family {there.folder}" if there else ""
        raise NewTagError(f"{TAG}{name} is there already{place}: take another name")


def _with(project: Project, name: str, family: str) -> str:
    """Return patient_tags.sql with the tag listed behind the last of its family."""
    path = project.tag_list
    listed = read_sql(path).listed("tags") if path.exists() else None
    if not listed:
        raise NewTagError(f"{path} has no list of tags, {{% set tags = [...] %}}: mend it first")
    if name in {each for each, _ in listed}:
        raise NewTagError(f"{path} lists {name} already: take another name, or drop it there")
    kin = set(project.families.get(family, []))
    last = max((line for each, line in listed if each in kin), default=listed[-1][1])
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if not re.fullmatch(r"""\s*["']\w+["'],\s*""", lines[last - 1]):
        raise NewTagError(f"{path}:{last}: write one tag a line, each with its comma, then again")
    lines.insert(last, f'    "{name}",\n')
    return "".join(lines)
