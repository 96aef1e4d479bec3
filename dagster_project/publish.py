"""The published warehouse: it appears only when every blocking check passed."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Build:
    """One night's build of one clinic: what was built, as of which business day."""

    clinic_id: str
    build_id: str
    as_of: date
    built_at: datetime
