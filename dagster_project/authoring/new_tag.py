"""`tagline new tag`: a skeleton that builds, whose blanks lint asks for by name."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from dagster_project.authoring.project import TAG, Project
from dagster_project.authoring.skeleton import (
    NO_LABEL,
    SkeletonError,
    check_name,
    filled,
    with_listed,
)
from dagster_project.exit_codes import FAILED, OK
from dagster_project.settings import Settings

REVIEWED_AFTER = timedelta(days=183)


def new_tag(dbt_dir: Path, name: str, family: str, label: str | None, as_of: date) -> list[Path]:
    """Write a tag's SQL and yml and list it; return the files to open, first the one to begin with.

    Raises SkeletonError when the name cannot be taken.
    """
    project = Project(dbt_dir)
    _check(project, name, family)
    list_sql = with_listed(project.tag_list, "tags", name, project.families.get(family, []))
    blanks = {
        "@NAME@": name,
        "@FAMILY@": family,
        # JSON is yml that no character of a label can break.
        "@LABEL@": json.dumps(label, ensure_ascii=False) if label else NO_LABEL,
        "@REVIEW_ON@": (as_of + REVIEWED_AFTER).isoformat(),
    }
    path = dbt_dir / "models" / "tags" / family / f"{TAG}{name}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(filled("tag_skeleton.sql", {}), encoding="utf-8")
    path.with_suffix(".yml").write_text(filled("tag_skeleton.yml", blanks), encoding="utf-8")
    project.tag_list.write_text(list_sql, encoding="utf-8")
    return [path, path.with_suffix(".yml"), project.tag_list]


def run_new_tag(
    settings: Settings, name: str, family: str, label: str | None, console: Console
) -> int:
    """Begin a tag and print what to do next; return FAILED when its name cannot be taken."""
    try:
        written = new_tag(settings.dbt_dir, name, family, label, settings.as_of())
    except SkeletonError as error:
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
    check_name("name", name)
    check_name("family", family)
    if name.startswith(TAG):
        raise SkeletonError(f"name {name!r}: the files add {TAG} themselves, leave it out")
    if f"{TAG}{name}" in project.model_names:
        there = project.tags.get(name)
        place = f" in the family {there.folder}" if there else ""
        raise SkeletonError(f"{TAG}{name} is there already{place}: take another name")
