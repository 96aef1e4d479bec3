"""What the nights of one back-test share and hand on, and what each of them is given."""

from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path

import duckdb

from dagster_project.backtest.tables import Table
from dagster_project.backtest.warehouse import open_night
from dagster_project.clinic import Clinic
from dagster_project.conversation.script import script_of
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.store import open_ledger
from dagster_project.prepare import Night
from dagster_project.publish import Build
from dagster_project.replay.past import Past, PastNight
from dagster_project.settings import TOKYO, Settings


@dataclass
class Run:
    """What all nights of one back-test share, and what they hand on."""

    settings: Settings
    clinic: Clinic
    past: Past
    tables: list[Table]
    scratch: Path
    deliveries: list[tuple[object, ...]] = field(default_factory=list)

    @property
    def carried(self) -> Path:
        """Return where what the next night continues from is written."""
        return self.scratch / "carried.duckdb"

    @property
    def standing(self) -> Path:
        """Return the file of what is the same every night."""
        return self.scratch / "standing.duckdb"

    def open(self, night: PastNight, tables: list[Table]) -> duckdb.DuckDBPyConnection:
        """Return a connection to a night with these tables, by what was known then."""
        clinic_id = self.clinic.clinic_id
        midnight = datetime.combine(night.day, time(), TOKYO)
        script, _ = script_of(self.settings.exports_dir / clinic_id)
        # What was said in the chat after a night, on its day, the night did not know.
        until = night.built_at or midnight
        ledger = open_ledger(self.settings.ledger())
        given = Night(
            Build(clinic_id, f"backtest-{night.day}", night.day, midnight),
            self.clinic,
            landing_dir=self.scratch / "landing",
            last_night=self.carried,
            deliveries=self.deliveries,
            overrides=self.past.overrides_known_on(night),
            chat=snapshot(accounts(ledger, clinic_id, night.day, script, until)),
            choices=script.choices(),
        )
        # Compiled SQL names the database after the file.
        work = self.scratch / "work" / "warehouse.duckdb"
        return open_night(work, self.standing, tables, given)
