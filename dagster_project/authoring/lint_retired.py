"""What still stands of a tag that is retired: its own files, and those that name it."""

from collections.abc import Iterator, Mapping
from datetime import date

from dagster_project.authoring.finding import Finding
from dagster_project.authoring.project import Project
from dagster_project.authoring.references import own_files, references


def lint_retired(project: Project, retired: Mapping[str, date]) -> Iterator[Finding]:
    """Yield each place that names a retired tag, and a warning for a file it still has."""
    for tag, day in retired.items():
        for place in references(project, tag):
            to_do = f"the night stops at it: take it out, or `tagline review decide {tag} keep`"
            yield Finding(place.path, place.line, f"tag {tag!r} is retired since {day}", to_do)
        for path in own_files(project, tag)[:1]:
            to_do = f"delete it with its yml, and its line in {project.tag_list.name}"
            yield Finding(path, 1, f"retired since {day}", to_do, is_error=False)
