"""Which files name a tag: those a retired one must be taken out of, and those of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dagster_project.authoring.lint_scenarios import BRANCHES, steps_of
from dagster_project.authoring.project import Model, Project
from dagster_project.authoring.yml import mapping


@dataclass(frozen=True, order=True)
class Place:
    """One line of a file that names a tag."""

    path: Path
    line: int


def references(project: Project, tag: str) -> list[Place]:
    """Return where segments and other models name a tag, the list of all tags left out."""
    return sorted(set(_references(project, tag)))


def own_files(project: Project, tag: str) -> list[Path]:
    """Return the files that are nobody's but the tag's: its SQL and its yml."""
    model = project.tags.get(tag)
    if model is None:
        return []
    return [model.sql.path, *([model.yml.path] if model.yml else [])]


def _references(project: Project, tag: str) -> Iterator[Place]:
    own = own_files(project, tag)
    for sql in project.sql_files:
        if "macros" not in sql.path.parts and sql.path not in (project.tag_list, *own):
            line = Model(sql, None).tags_named.get(tag)
            if line:
                yield Place(sql.path, line)
    for segment in project.segments.values():
        stated = mapping(segment.meta.get("campaign")).get("tags")
        if segment.yml and isinstance(stated, list) and tag in stated:
            yield Place(segment.yml.path, segment.line("campaign", "tags"))
        if segment.yml and tag in step_tags(segment):
            yield Place(segment.yml.path, segment.line("campaign", "scenario"))


def step_tags(segment: Model) -> set[str]:
    """Return the tags that the steps of a campaign's scenario branch on."""
    return {
        str(tag)
        for step in steps_of(segment)
        for branch in BRANCHES
        for tag in (step.get(branch) or [])
    }
