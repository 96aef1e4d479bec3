"""`tagline morning`: each clinic's morning sheet, and where it is."""

from collections.abc import Sequence

from rich.console import Console

from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic
from dagster_project.exit_codes import OK, STALE
from dagster_project.insight.morning_page import write_morning
from dagster_project.settings import Settings


def run_morning(settings: Settings, clinics: Sequence[str], console: Console) -> int:
    """Write the sheets and print their paths; STALE where a clinic has no night yet."""

    def one(clinic_id: str) -> int:
        path = write_morning(settings, clinic_in(settings.exports_dir, clinic_id))
        if path is None:
            console.print(f"[yellow]{clinic_id}: まだ公開された夜がありません[/]")
            return STALE
        console.print(str(path), markup=False, highlight=False, soft_wrap=True)
        return OK

    return each_clinic(settings.exports_dir, clinics, console, one)
