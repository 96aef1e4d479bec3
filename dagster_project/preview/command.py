"""`tagline preview`: the working tree's rules put to each clinic's published night."""

from collections.abc import Sequence

import duckdb
from rich.console import Console
from rich.markup import escape

from dagster_project import transform
from dagster_project.clinic import ClinicError, clinic_ids, clinic_in
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
    chosen = clinics or clinic_ids(settings.exports_dir)
    if not chosen:
        return _fail(console, f"{settings.exports_dir}: 医院がありません / no clinic")
    try:
        # Not the cached manifest: the files may have been edited since.
        manifest = transform.parse_again(settings.dbt_dir, settings.dbt_target_dir())
        rules = rules_of(manifest)
    except transform.DbtError as error:
        return _fail(console, f"dbt: {error}")
    worst = OK
    for clinic_id in chosen:
        try:
            clinic = clinic_in(settings.exports_dir, clinic_id)
            found = preview(settings, clinic, manifest, rules, tag)
        except transform.DbtError as error:
            return _fail(console, f"dbt: {error}")  # the same SQL fails for every clinic
        except (PreviewError, ClinicError) as error:
            worst = _fail(console, f"{clinic_id}: {error}")
            continue
        except duckdb.Error as error:
            worst = _fail(console, f"{clinic_id}: {said(error)}")
            continue
        show = render_markdown if markdown else render
        show(console, document(clinic_id, found))
    return worst


def _fail(console: Console, message: str) -> int:
    console.print(f"[red]{escape(message)}[/]", highlight=False, soft_wrap=True)
    return FAILED
