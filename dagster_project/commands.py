"""What `tagline nightly`, `send` and `status` do: run the jobs, then say what came of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
from rich.console import Console

from dagster_project.clinic import Clinic, load_clinics
from dagster_project.definitions import definitions
from dagster_project.delivery.report import DeliveryReport, read_report
from dagster_project.ingest import files_of
from dagster_project.insight.render import render_checks, render_delivery, render_files
from dagster_project.insight.render import render_published
from dagster_project.insight.summary import read_published
from dagster_project.ledger.store import open_ledger
from dagster_project.runner import JobResult, open_instance, run_job
from dagster_project.settings import Settings, at_opening
from dagster_project.simulator import start

OK, FAILED, STALE = 0, 1, 3


def run_nightly(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Run a night for each clinic, send where the window is open, and return the worst exit code.

    One clinic's bad export or failure never keeps another clinic from its night.
    """
    began = time.monotonic()
    console.print(f"業務日 {settings.as_of()} (Asia/Tokyo)、送信先: {settings.line}")
    with _surroundings(settings) as (settings, instance):
        defs = definitions(settings)
        codes = [
            _night(settings, instance, defs, clinic, console)
            for clinic in _clinics(settings, chosen)
        ]
    console.print(f"所要 {time.monotonic() - began:.0f} 秒")
    return max(codes, default=FAILED)
