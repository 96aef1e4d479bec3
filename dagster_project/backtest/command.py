"""`tagline backtest`: what a campaign would have sent, on the terminal and as files."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
from dbt.contracts.graph.manifest import Manifest
from rich.console import Console
from rich.markup import escape

from dagster_project import transform
from dagster_project.backtest.export import export_backtest
from dagster_project.backtest.nights import backtest
from dagster_project.backtest.render import render_backtest
from dagster_project.backtest.tables import SEGMENT
from dagster_project.backtest.warehouse import BacktestError
from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic, fail
from dagster_project.exit_codes import OK
from dagster_project.preview.changes import said
from dagster_project.replay.past import ReplayError
from dagster_project.settings import Settings


def run_backtest(
    settings: Settings,
    campaign: str,
    clinics: Sequence[str],
    start: date,
    end: date,
    csv_dir: Path | None,
    console: Console,
) -> int:
    """Show each clinic's back-test, also as CSV where a folder is given; return the exit code."""
    try:
        # Not the cached manifest: the rule may be one that is being written.
        manifest = transform.parse_again(settings.dbt_dir, settings.dbt_target_dir())
    except transform.DbtError as error:
        return fail(console, f"dbt: {error}")
    known = _campaigns(manifest)
    if campaign not in known:
        there = ", ".join(known)
        return fail(
            console, f"配信 {campaign} はありません / no campaign {campaign}; there: {there}"
        )

    def one(clinic_id: str) -> int:
        clinic = clinic_in(settings.exports_dir, clinic_id)
        console.rule(escape(f"{clinic.name} ({clinic_id}): {campaign}"))
        try:
            with console.status(f"{clinic_id} ...") as status:
                found = backtest(
                    settings,
                    clinic,
                    manifest,
                    campaign,
                    start,
                    end,
                    lambda done, of: status.update(f"{clinic_id}: {done} / {of} 夜"),
                )
        except (BacktestError, ReplayError, transform.DbtError) as error:
            return fail(console, f"{clinic_id}: {error}")
        except duckdb.Error as error:
            return fail(console, f"{clinic_id}: {said(error)}")
        limit = clinic.line.monthly_limit
        render_backtest(console, found, limit)
        if csv_dir:
            for path in export_backtest(csv_dir / clinic_id, found, limit):
                console.print(str(path), markup=False, highlight=False, soft_wrap=True)
        return OK

    return each_clinic(settings.exports_dir, clinics, console, one)


def _campaigns(manifest: Manifest) -> list[str]:
    """Return every campaign there is, by its segment in campaigns/."""
    return sorted(
        node.name.removeprefix(SEGMENT)
        for node in manifest.nodes.values()
        if node.resource_type == "model" and node.original_file_path.startswith("campaigns/")
    )
