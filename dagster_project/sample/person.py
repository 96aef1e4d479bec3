"""An invented patient: what the EMR would know, and what is true of them."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis as claimed: in which months, from when, ended how in its last month."""

    code: str
    modifiers: str
    started_on: date
    months: tuple[date, ...]
    outcome: str = "1"  # 転帰区分: 1 継続, 2 治ゆ, 3 死亡, 4 中止


@dataclass(frozen=True)
class Treatment:
    """An act (SI) or a drug (IY) on the first visit of a month."""

    record: str
    code: str
    month: date


@dataclass
class Person:
    """One patient. `truth` holds the tags held, or not to be told; absent means no."""

    number: int
    kana: str = ""
    kanji: str = ""
    former_name: str = ""
    sex: str = ""
    birth_date: date | None = None
    died_on: date | None = None
    is_test: bool = False
    has_moved: bool = False
    has_left: bool = False  # in the older patient list only
    visits: dict[date, str] = field(default_factory=dict)
    cancelled_on: date | None = None
    booked_on: date | None = None
    diagnoses: list[Diagnosis] = field(default_factory=list)
    # Claimed at first with these diagnoses, sent back by the payer, claimed again as it is.
    returned_month: date | None = None
    wrongly: list[Diagnosis] = field(default_factory=list)
    treatments: list[Treatment] = field(default_factory=list)
    measured: dict[date, dict[str, float]] = field(default_factory=dict)
    given: list[tuple[str, int, date]] = field(default_factory=list)
    links: list[tuple[str, str, bool, str]] = field(default_factory=list)
    truth: dict[str, str] = field(default_factory=dict)

    @property
    def turn(self) -> int:
        """Return a number that differs among those of one age band and one kind of birth."""
        return self.number // 6 + 2 * (self.number // 30)

    def months(self) -> list[date]:
        """Return the months with a visit, oldest first."""
        return sorted({day.replace(day=1) for day in self.visits})

    def measure(self, day: date, item: str, value: float) -> None:
        """Add a measurement of a day."""
        self.measured.setdefault(day, {})[item] = value
