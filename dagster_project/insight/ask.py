"""`tagline explain`: the question put to each clinic's published warehouse."""

from collections.abc import Sequence
from datetime import date

from rich.console import Console

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
