"""The words a person has for the results."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from dagster_project.settings import Settings

console = Console()
clinics_option = click.option(
    "--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several."
)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@clinics_option
@click.option("--campaign", help="Only this campaign, by month and wording.")
@click.option("--csv", "csv_dir", type=FOLDER, help="Also write CSV files into this folder.")
@click.option("--parquet", "parquet_dir", type=FOLDER, help="Also write Parquet files into it.")
def results(
    clinics: Sequence[str], campaign: str | None, csv_dir: Path | None, parquet_dir: Path | None
) -> None:
    """Show what came of the messages: opened, visited, and what the messages did."""
    from dagster_project.insight.results_command import run_results  # noqa: PLC0415 - DuckDB

    asked = {"csv": csv_dir, "parquet": parquet_dir}
    folders = {kind: folder for kind, folder in asked.items() if folder}
    sys.exit(run_results(Settings(), clinics, campaign, folders, console))


@click.command("plan-holdout")
@clinics_option
def plan_holdout(clinics: Sequence[str]) -> None:
    """Show what a holdout of 10 or 20 % can tell at this clinic's size, and when."""
    from dagster_project.insight.holdout_command import run_plan_holdout  # noqa: PLC0415

    sys.exit(run_plan_holdout(Settings(), clinics, console))


@click.command()
@clinics_option
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="YYYY-MM; default: this month.")
def report(clinics: Sequence[str], month: datetime | None) -> None:
    """Write a month's results as one page for each clinic, with the figures as files beside it."""
    from dagster_project.insight.report_command import run_report  # noqa: PLC0415 - DuckDB, Jinja

    sys.exit(run_report(Settings(), clinics, month.date() if month else None, console))


COMMANDS = (results, plan_holdout, report)
