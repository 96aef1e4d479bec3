"""`tagline preview`: the working tree's rules put to each clinic's published night."""

from collections.abc import Sequence

import duckdb
from rich.console import Console

from dagster_project import transform
from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic, fail
from dagster_project.exit_codes import FAILED, OK
from dagster_project.preview.changes import PreviewError, said
from dagster_project.preview.compare import preview
from dagster_project.preview.document import document
from dagster_project.preview.render import render, render_markdown
from dagster_project.rules import rules_of
from dagster_project.settings import Settings


def run_preview(
    settings: Settings,
    tag: str | None,
    clinics: Sequence[str],
    console: Console,
    *,
    markdown: bool = False,
) -> int:
    """Show what the edited rules would change at each clinic; FAILED where it is not known."""
    try:
        # Not the cached manifest: the files may have been edited since.
        manifest = transform.parse_again(settings.dbt_dir, settings.dbt_target_dir())
        rules = rules_of(manifest)
    except transform.DbtError as error:
        return fail(console, f"dbt: {error}")
    broken: set[str] = set()  # the same SQL fails for every clinic: said once

    def one(clinic_id: str) -> int:
        try:
            clinic = clinic_in(settings.exports_dir, clinic_id)
            found = preview(settings, clinic, manifest, rules, tag)
        except transform.DbtError as error:
            if str(error) not in broken:
                broken.add(str(error))
                fail(console, f"dbt: {error}")
            return FAILED
        except PreviewError as error:
            return fail(console, f"{clinic_id}: {error}")
        except duckdb.Error as error:
            return fail(console, f"{clinic_id}: {said(error)}")
        show = render_markdown if markdown else render
        show(console, document(clinic_id, found))
        return OK

    return each_clinic(settings.exports_dir, clinics, console, one)
