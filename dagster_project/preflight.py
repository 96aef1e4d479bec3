"""The last look before a clinic's window, with this process's ledger, clock and environment."""

from collections.abc import Sequence

from dagster_project.clinic import Clinic
from dagster_project.delivery.preflight import look, need_of
from dagster_project.ledger.preflight import Finding
from dagster_project.ledger.store import open_ledger
from dagster_project.line.account import Account
from dagster_project.line.reach import account_of
from dagster_project.line.simulated import introduce
from dagster_project.settings import Settings


def look_now(settings: Settings, clinic: Clinic) -> Sequence[Finding]:
    """Look at a clinic's channel and texts, keep what was found, and return it; sends nothing."""

    def reach() -> Account:
        if settings.line == "simulator" and settings.simulator_url:
            introduce(settings.simulator_url, clinic, [], [])
        return account_of(settings, clinic)

    ledger = open_ledger(settings.ledger())
    need = need_of(ledger, clinic.clinic_id, settings.published_path(clinic.clinic_id))
    return look(ledger, clinic, reach, settings.dbt_dir / "campaigns", need, settings.now())
