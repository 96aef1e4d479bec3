"""`tagline richmenu`: the menu under the chat, for each clinic."""

from collections.abc import Sequence

from rich.console import Console

from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic
from dagster_project.exit_codes import OK
from dagster_project.line.rich_menu import menus_of, set_menu
from dagster_project.settings import Settings


def run_rich_menu(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Set the menu of each chosen clinic where it is not set yet; return the worst exit code."""

    def one(clinic_id: str) -> int:
        clinic = clinic_in(settings.exports_dir, clinic_id)
        is_new = set_menu(menus_of(settings, clinic))
        done = "メニューを設定しました" if is_new else "メニューはそのままです"
        console.print(f"{clinic.name}: {done} ({settings.line})")
        return OK

    return each_clinic(settings.exports_dir, chosen, console, one)
