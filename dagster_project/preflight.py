"""The last look before a clinic's window, with this process's ledger, clock and environment."""

from collections.abc import Sequence
from functools import partial

from dagster_project.clinic import Clinic
from dagster_project.delivery.preflight import look, need_of
from dagster_project.ledger.preflight import Finding
from dagster_project.ledger.store import open_ledger
from dagster_project.line.reach import introduced
from dagster_project.settings import Settings


def look_now(settings: Settings, clinic: Clinic) -> Sequence[Finding]:
    """Look at a clinic's channel and texts, keep what was found, and return it; sends nothing."""
    ledger = open_ledger(settings.ledger())
    need = need_of(ledger, clinic.clinic_id, settings.published_path(clinic.clinic_id))
    reach = partial(introduced, settings, clinic)
    return look(ledger, clinic, reach, settings.dbt_dir / "campaigns", need, settings.now())
