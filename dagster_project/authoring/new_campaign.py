"""`tagline new campaign`: a folder that builds and writes to nobody until its blanks are filled."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dagster_project.authoring.project import SEGMENT, Project
from dagster_project.authoring.skeleton import (
    NO_LABEL,
    SkeletonError,
    check_name,
    filled,
    with_listed,
)
from dagster_project.authoring.yml import mapping
from dagster_project.exit_codes import FAILED, OK
from dagster_project.settings import Settings

NO_TAG = "（タグの名前を書く）"


def new_campaign(dbt_dir: Path, name: str, tag: str | None, label: str | None) -> list[Path]:
    """Write a campaign's segment, yml and message, and list it; return the files to open, in order.

    It is for those who have `tag`; without one, for nobody until its author names one. It goes
    after every other campaign. Raises SkeletonError when the name or the tag cannot be taken.
    """
    project = Project(dbt_dir)
    _check(project, name, tag)
    list_sql = with_listed(project.segment_list, "segments", name)
    blanks = {
        "@NAME@": name,
        "@TAG@": tag or NO_TAG,
        # JSON is yml that no character of a label can break.
        "@LABEL@": json.dumps(label, ensure_ascii=False) if label else NO_LABEL,
        "@PRIORITY@": str(_last_priority(project) + 1),
    }
    folder = dbt_dir / "campaigns" / name
    folder.mkdir(parents=True, exist_ok=True)
    sql = folder / f"{SEGMENT}{name}.sql"
    written = [sql, sql.with_suffix(".yml"), folder / "message.json"]
    for path in written:
        path.write_text(filled(f"campaign_skeleton{path.suffix}", blanks), encoding="utf-8")
    project.segment_list.write_text(list_sql, encoding="utf-8")
    return [*written, project.segment_list]


def run_new_campaign(
    settings: Settings, name: str, tag: str | None, label: str | None, console: Console
) -> int:
    """Begin a campaign and print what to do next; return FAILED when it cannot be begun."""
    try:
        written = new_campaign(settings.dbt_dir, name, tag, label)
    except SkeletonError as error:
        console.print(f"new campaign: {error}", markup=False, highlight=False, soft_wrap=True)
        return FAILED
    for line in _next_steps(written):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return OK


def _next_steps(written: Sequence[Path]) -> list[str]:
    sql, yml, message, listed = written
    return [
        f"1. {sql}: say in the first line who it is for, then write it (as it stands: one tag)",
        f"2. {yml}: fill every （…）, check priority, cooldown_days, cycle, visited_within_days",
        "   and the unit test, which shows who is in and who is not",
        f"3. {message}: what it says, as LINE's Flex Message Simulator writes it; no clinical word",
        f"4. {listed}: it is listed already",
        "5. tagline lint, until it says 0 errors; then make test. As long as `approval: required`",
        "   stands there, somebody who is not its owner approves it on each day it is sent",
    ]


def _check(project: Project, name: str, tag: str | None) -> None:
    check_name("name", name)
    if name.startswith(SEGMENT):
        raise SkeletonError(f"name {name!r}: the files add {SEGMENT} themselves, leave it out")
    folder = project.dbt_dir / "campaigns" / name
    if f"{SEGMENT}{name}" in project.model_names or any(folder.glob("*")):
        raise SkeletonError(f"the campaign {name} is there already: take another name")
    if tag is not None and tag not in project.tags:
        raise SkeletonError(f"no tag {tag!r}: name one of models/tags/, or write it first")


def _last_priority(project: Project) -> int:
    """Return the largest priority of any campaign: a new one comes after them all."""
    settings = [mapping(each.meta.get("campaign")) for each in project.segments.values()]
    said = [each.get("priority") for each in settings]
    return max((one for one in said if isinstance(one, int)), default=0)
