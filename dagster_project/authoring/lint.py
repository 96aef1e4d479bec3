"""`tagline lint`: what is wrong in the dbt folder and in clinics' chats, in under a second.

From the ledger it takes which tags are retired, where there is one: a checkout has none.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from rich.console import Console

from dagster_project.authoring.finding import Finding
from dagster_project.authoring.lint_retired import lint_retired
from dagster_project.authoring.lint_segments import lint_campaigns, lint_segment
from dagster_project.authoring.lint_sql import lint_text
from dagster_project.authoring.lint_tags import lint_folder, lint_list, lint_tag
from dagster_project.authoring.lint_windows import lint_windows, windows_of
from dagster_project.authoring.project import Project
from dagster_project.clinic import SendWindow, clinic_ids
from dagster_project.conversation.script import script_of
from dagster_project.exit_codes import FAILED, OK
from dagster_project.settings import Settings


def lint(
    dbt_dir: Path,
    as_of: date,
    retired: Mapping[str, date] | None = None,
    windows: Mapping[str, SendWindow] | None = None,
) -> list[Finding]:
    """Return everything to put right in a dbt folder, by file and line; empty when all is well.

    `retired` are the tags that were retired, each with its day; `windows` each clinic's hours.
    """
    project = Project(dbt_dir)
    beside = (*lint_retired(project, retired or {}), *lint_windows(project, windows or {}))
    return sorted({*_findings(project, as_of), *beside})


def run_lint(settings: Settings, console: Console) -> int:
    """Print one line per finding and how many there are; return FAILED where one is an error."""
    windows = windows_of(settings.exports_dir)
    found = lint(settings.dbt_dir, settings.as_of(), _retired(settings, console), windows)
    for clinic_id in clinic_ids(settings.exports_dir):
        found += script_of(settings.exports_dir / clinic_id)[1]
    for each in found:
        line = each.shown(settings.dbt_dir.parent)
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    errors = sum(each.is_error for each in found)
    console.print(f"{errors} errors, {len(found) - errors} warnings", highlight=False)
    return FAILED if errors else OK


def _retired(settings: Settings, console: Console) -> dict[str, date]:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - only a ledger needs it

    from dagster_project.ledger.store import open_existing  # noqa: PLC0415
    from dagster_project.ledger.tag_decisions import retired  # noqa: PLC0415

    try:
        engine = open_existing(settings.ledger())
        found = retired(engine, settings.as_of()) if engine else {}
    except SQLAlchemyError as error:
        said = f"without retired tags, the ledger cannot be read: {type(error).__name__}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
        return {}
    return {tag: each.made_on for tag, each in found.items()}


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
