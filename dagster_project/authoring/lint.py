"""`tagline lint`: what is wrong in the dbt folder, read from the files alone in under a second."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from rich.console import Console

from dagster_project.authoring.finding import Finding
from dagster_project.authoring.lint_segments import lint_campaigns, lint_segment
from dagster_project.authoring.lint_sql import lint_text
from dagster_project.authoring.lint_tags import lint_folder, lint_list, lint_tag
from dagster_project.authoring.project import Project
from dagster_project.exit_codes import FAILED, OK
from dagster_project.settings import Settings


def lint(dbt_dir: Path, as_of: date) -> list[Finding]:
    """Return everything to put right in a dbt folder, by file and line; empty when all is well."""
    return sorted(set(_findings(Project(dbt_dir), as_of)))


def run_lint(settings: Settings, console: Console) -> int:
    """Print one line per finding and how many there are; return FAILED where one is an error."""
    found = lint(settings.dbt_dir, settings.as_of())
    for each in found:
        line = each.shown(settings.dbt_dir.parent)
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    errors = sum(each.is_error for each in found)
    console.print(f"{errors} errors, {len(found) - errors} warnings", highlight=False)
    return FAILED if errors else OK


def _findings(project: Project, as_of: date) -> Iterator[Finding]:
    for sql in project.sql_files:
        yield from lint_text(sql)
    for model in (*project.tags.values(), *project.segments.values()):
        if model.yml and model.yml.error:
            to_do = "mend the yml, dbt cannot read it either"
            yield Finding(model.yml.path, model.yml.line(), model.yml.error, to_do)
    yield from lint_folder(project)
    yield from lint_list(project)
    for tag in project.tags.values():
        yield from lint_tag(project, tag, as_of)
    yield from lint_campaigns(project)
    for segment in project.segments.values():
        yield from lint_segment(project, segment)
