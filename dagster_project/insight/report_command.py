"""`tagline report`: each clinic's month, and where it is."""

from collections.abc import Sequence
from datetime import date

from rich.console import Console

from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic
from dagster_project.exit_codes import OK, STALE
from dagster_project.insight.report_page import write_report
from dagster_project.settings import Settings


def run_report(
    settings: Settings, clinics: Sequence[str], month: date | None, console: Console
) -> int:
    """Write the reports and print their paths; STALE where a clinic has no night yet."""

    def one(clinic_id: str) -> int:
        written = write_report(settings, clinic_in(settings.exports_dir, clinic_id), month)
        if written is None:
            console.print(f"[yellow]{clinic_id}: まだ公開された夜がありません[/]")
            return STALE
        console.print(str(written[0]), markup=False, highlight=False, soft_wrap=True)
        return OK

    return each_clinic(settings.exports_dir, clinics, console, one)
