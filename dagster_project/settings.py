"""Where things are, which day it is, and whether LINE is the simulator or the real one.

Every setting can be given as an environment variable with the prefix ``TAGLINE_``.
This is the only module that looks at the clock.
"""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

TOKYO = ZoneInfo("Asia/Tokyo")
ROOT = Path(__file__).resolve().parents[1]
LIVE_LINE_API = "https://api.line.me"
LIVE_LINE_DATA_API = "https://api-data.line.me"
LIVE_LINE_LINK = "https://access.line.me/dialog/bot/accountLink"


class Settings(BaseSettings):
    """One run's surroundings. Relative folders are taken from the current directory."""

    model_config = SettingsConfigDict(env_prefix="TAGLINE_", frozen=True)

    data_dir: Path = Field(default=Path("data"), description="all runtime state")
    exports_dir: Path = Field(default=Path("exports"), description="one folder per clinic")
    dbt_dir: Path = ROOT / "dbt"
    ledger_url: str | None = Field(
        default=None, description="SQLAlchemy URL; default data_dir/ledger.db"
    )
    business_day: date | None = Field(default=None, description="as_of; default: see as_of()")
    at: AwareDatetime | None = Field(default=None, description="pretend it is this instant")
    line: Literal["simulator", "live"] = "simulator"
    simulator_url: str | None = Field(default=None, description="a running simulator to use")

    @model_validator(mode="after")
    def _live_has_the_real_clock(self) -> Self:
        if self.line == "live" and self.at is not None:
            raise ValueError("TAGLINE_AT pretends a time: it cannot go with TAGLINE_LINE=live")
        return self

    def as_of(self) -> date:
        """Return the business day in Asia/Tokyo.

        The one given, else the one recorded beside bundled samples
        (``exports/business_day``), else today. A live clinic has no sample's day.
        """
        if self.business_day:
            return self.business_day
        recorded = self.exports_dir / "business_day"
        if recorded.exists() and self.line != "live":
            return date.fromisoformat(recorded.read_text().strip())
        return self.now().date()

    def now(self) -> datetime:
        """Return the present instant in Asia/Tokyo, or the one this run pretends."""
        return (self.at or datetime.now(TOKYO)).astimezone(TOKYO)

    def landing_dir(self) -> Path:
        """Return the folder of the immutable Parquet files, one subfolder per clinic."""
        return self.data_dir.resolve() / "landing"

    def work_path(self, clinic_id: str) -> Path:
        """Return tonight's warehouse under construction."""
        return self.data_dir.resolve() / "work" / clinic_id / "warehouse.duckdb"

    def published_path(self, clinic_id: str) -> Path:
        """Return the warehouse readers and the sender may use."""
        return self.data_dir.resolve() / "published" / clinic_id / "warehouse.duckdb"

    def ledger(self) -> str:
        """Return the ledger's SQLAlchemy URL."""
        return self.ledger_url or f"sqlite:///{self.data_dir.resolve() / 'ledger.db'}"

    def forget_key_path(self) -> Path:
        """Return the key that hashes of forgotten persons are made with."""
        return self.data_dir.resolve() / "forget.key"

    def dbt_target_dir(self) -> Path:
        """Return where dbt keeps its manifest and partial parse."""
        return (self.data_dir / "dbt").resolve()

    def dagster_home(self) -> Path:
        """Return Dagster's own state folder."""
        return self.data_dir.resolve() / "dagster"


def pretending(settings: Settings, opens: time) -> Settings:
    """Return settings for which a recorded or given day is at its send window's opening.

    Only towards the simulator, so that samples can be tried on any day: a live run has
    the real clock and no other.
    """
    is_today = settings.as_of() == settings.now().date()
    if settings.line == "live" or settings.at or is_today:
        return settings
    opening = datetime.combine(settings.as_of(), opens, TOKYO) + timedelta(minutes=1)
    return settings.model_copy(update={"at": opening})


def watched(settings: Settings, clinic_id: str, moment: datetime) -> Path | None:
    """Return where a clinic's night of an instant's day must be, None on a sample's other day."""
    is_today = settings.as_of() == moment.astimezone(TOKYO).date()
    return settings.published_path(clinic_id) if is_today else None
