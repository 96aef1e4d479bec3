"""The morning sheet as one page that needs no network and no script; where it is written."""

import hashlib
from pathlib import Path

from dagster_project.alerts import deliver_now, targets
from dagster_project.checks.suite import read_suite
from dagster_project.clinic import MORNING, Clinic
from dagster_project.insight.bubble import banner, bubble
from dagster_project.insight.morning import Morning, read_morning
from dagster_project.insight.morning_note import morning_note
from dagster_project.insight.render_explain import DELIVERY_JA
from dagster_project.ledger.alerts import raise_alert
from dagster_project.ledger.preflight import LEVELS_JA, WHAT_JA
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.pages import render_page
from dagster_project.settings import Settings

SUITES = ("exports", "uke", "audience", "segments", "plan")


def render_morning(morning: Morning, clinic: Clinic) -> str:
    """Return the page; everything that a file or a warehouse says is escaped."""
    return render_page(
        Path(__file__).with_name("morning.html.j2"),
        morning=morning,
        clinic=clinic,
        banner=banner,
        bubble=bubble,
        fates=DELIVERY_JA | {"frozen": "送信待ち", "sending": "送信中"},
        levels=LEVELS_JA,
        whats=WHAT_JA,
        checks={spec.name: spec.description for suite in SUITES for spec in read_suite(suite)},
    )


def write_morning(settings: Settings, clinic: Clinic) -> Path | None:
    """Write a clinic's morning sheet and return where; None before its first night."""
    morning = _read(settings, clinic)
    if morning is None:
        return None
    path = morning_path(settings, clinic.clinic_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_morning(morning, clinic), encoding="utf-8")
    _tell(settings, clinic, morning, path)
    return path


def _read(settings: Settings, clinic: Clinic) -> Morning | None:
    return read_morning(
        settings.published_path(clinic.clinic_id),
        open_ledger(settings.ledger()),
        settings.dbt_dir / "campaigns",
        settings.as_of(),
        clinic.line.monthly_limit,
        is_live=settings.line == "live",
    )


def _tell(settings: Settings, clinic: Clinic, morning: Morning, path: Path) -> None:
    """Let staff know of the sheet once for each note; the night at two wakes nobody."""
    now, told = settings.now(), targets(clinic.alerts)
    if not told or now.time() < MORNING:
        return
    text = morning_note(morning, path)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    subject = f"morning {morning.as_of} {digest}"
    with writing(open_ledger(settings.ledger()), clinic.clinic_id) as con:
        raise_alert(con, now, clinic.clinic_id, subject, "morning", text, told)
    deliver_now(settings, clinic)


def morning_path(settings: Settings, clinic_id: str) -> Path:
    """Return where a clinic's morning sheet is written."""
    return settings.data_dir.resolve() / "pages" / f"morning-{clinic_id}.html"
