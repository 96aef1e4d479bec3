"""`tagline explain`: the question put to each clinic's published warehouse."""

from collections.abc import Sequence
from datetime import date

from rich.console import Console

from dagster_project.clinic import clinic_in
from dagster_project.clinics import each_clinic, fail
from dagster_project.exit_codes import FAILED, OK
from dagster_project.insight.explain import explain
from dagster_project.insight.render_explain import render_answer
from dagster_project.settings import Settings


def ask(
    settings: Settings,
    clinics: Sequence[str],
    patient: str,
    tag: str | None,
    campaign: str | None,
    as_of: date | None,
    console: Console,
) -> int:
    """Answer for each clinic asked, or for each that lists the patient; FAILED if none does."""
    answered = []

    def one(clinic_id: str) -> int:
        path = settings.published_path(clinic_id)
        if not path.exists():
            console.print(f"[yellow]{clinic_id}: まだ公開された夜がありません[/]")
            return OK
        try:
            answer = explain(path, patient, tag, campaign, as_of)
        except KeyError as error:
            return fail(console, f"{clinic_id}: {error.args[0]}")
        if clinics or answer.is_listed:
            console.rule(clinic_id)
            render_answer(console, answer)
            answered.append(clinic_id)
        return OK

    worst = each_clinic(settings.exports_dir, clinics, console, one)
    if worst == OK and not answered:
        console.print(f"[yellow]{patient}: どの医院の患者一覧にもいません / in no patient list[/]")
        return FAILED
    return worst


def ask_consents(settings: Settings, clinics: Sequence[str], patient: str, console: Console) -> int:
    """Print the consents of a patient at each clinic asked; FAILED if nobody is linked to them."""
    from dagster_project.insight.consents import show_consents  # noqa: PLC0415 - reads the ledger

    answered = []

    def one(clinic_id: str) -> int:
        if settings.published_path(clinic_id).exists():
            clinic = clinic_in(settings.exports_dir, clinic_id)
            answered.append(show_consents(settings, clinic, patient, console))
        return OK

    worst = each_clinic(settings.exports_dir, clinics, console, one)
    if worst == OK and not any(answered):
        said = f"{patient}: 連携しているアカウントはありません / no account is linked"
        console.print(f"[yellow]{said}[/]")
        return FAILED
    return worst
