"""`tagline backtest`, as it is typed."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from dagster_project.settings import Settings

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("campaign")
@click.option("--from", "start", type=DAY, required=True, help="The first night.")
@click.option("--to", "end", type=DAY, required=True, help="The last night.")
@click.option("--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several.")
@click.option(
    "--csv", "csv_dir", type=click.Path(path_type=Path), help="Also write CSV into this folder."
)
def backtest(
    campaign: str, start: datetime, end: datetime, clinics: Sequence[str], csv_dir: Path | None
) -> None:
    """Say what CAMPAIGN would have sent on past nights, and who came anyway; nothing is sent."""
    from dagster_project.backtest.command import run_backtest  # noqa: PLC0415 - dbt takes seconds

    days = start.date(), end.date()
    sys.exit(run_backtest(Settings(), campaign, clinics, *days, csv_dir, Console()))
