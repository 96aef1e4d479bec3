"""The morning sheet as one page that needs no network and no script; where it is written."""

from pathlib import Path

from dagster_project.checks.suite import read_suite
from dagster_project.clinic import Clinic
from dagster_project.insight.bubble import banner, bubble
from dagster_project.insight.morning import Morning, read_morning
from dagster_project.insight.render_explain import DELIVERY_JA
from dagster_project.ledger.preflight import LEVELS_JA, WHAT_JA
from dagster_project.ledger.store import open_ledger
from dagster_project.pages import render_page
from dagster_project.settings import Settings

SUITES = ("exports", "uke", "audience", "segments", "plan")


def render_morning(morning: Morning, clinic_name: str) -> str:
    """Return the page; everything that a file or a warehouse says is escaped."""
    return render_page(
        Path(__file__).with_name("morning.html.j2"),
        morning=morning,
        clinic_name=clinic_name,
        banner=banner,
        bubble=bubble,
        fates=DELIVERY_JA | {"frozen": "送信待ち", "sending": "送信中"},
        levels=LEVELS_JA,
        whats=WHAT_JA,
        checks={spec.name: spec.description for suite in SUITES for spec in read_suite(suite)},
    )


def write_morning(settings: Settings, clinic: Clinic) -> Path | None:
    """Write a clinic's morning sheet and return where; None before its first night."""
    morning = read_morning(
        settings.published_path(clinic.clinic_id),
        open_ledger(settings.ledger()),
        settings.dbt_dir / "campaigns",
        settings.as_of(),
        clinic.line.monthly_limit,
    )
    if morning is None:
        return None
    path = morning_path(settings, clinic.clinic_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_morning(morning, clinic.name), encoding="utf-8")
    return path


def morning_path(settings: Settings, clinic_id: str) -> Path:
    """Return where a clinic's morning sheet is written."""
    return settings.data_dir.resolve() / "pages" / f"morning-{clinic_id}.html"
