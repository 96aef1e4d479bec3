"""`tagline preflight`: whether each clinic could send now, and what to do where it could not."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dagster_project.alerts import deliver_now
from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic
from dagster_project.exit_codes import FAILED, OK
from dagster_project.ledger.preflight import LEVELS_JA, WHAT_JA, Finding
from dagster_project.preflight import look_now
from dagster_project.settings import Settings, pretending
from dagster_project.simulator.beside import with_a_line

STYLES = {"ok": "green", "warn": "yellow", "hold": "red", "stop": "bold red"}


def run_preflight(settings: Settings, clinics: Sequence[str], console: Console) -> int:
    """Look at each clinic's channel and print what was found; FAILED where something would wait."""
    with with_a_line(settings) as ready:

        def one(clinic_id: str) -> int:
            clinic = clinic_in(ready.exports_dir, clinic_id)
            here = pretending(ready, clinic.send_window.opens)
            findings = look_now(here, clinic)
            deliver_now(here, clinic)
            console.rule(f"{clinic.name} ({clinic_id})")
            console.print(_table(findings))
            return OK if all(each.is_ready for each in findings) else FAILED

        return each_clinic(ready.exports_dir, clinics, console, one)


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in findings:
        level = f"[{STYLES[each.level]}]{LEVELS_JA[each.level]}[/]"
        table.add_row(level, WHAT_JA[each.what], escape(each.said))
    return table
