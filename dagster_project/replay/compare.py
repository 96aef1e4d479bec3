"""One replayed night beside the published history: what is the same, what differs, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from dagster_project.replay.past import Past, PastNight

# In this order: an edited rule explains its own tag, another clinic.yaml any of them. What
# neither explains is a fault.
Cause = Literal["rule", "settings", "fault"]
SHOWN = 3
SQL = Path(__file__).with_suffix(".sql")

HELD_THEN = (
    "select tag, patient_id, 'has' as state, cast(null as date) as since from tag_history"
    " where held_from <= '{day}' and (held_to is null or held_to > '{day}')"
)
HELD_AGAIN = (
    "select tag, patient_id, state, cast(null as date) as since from replayed.main.patient_tags"
    " where state = 'has'"
)
# Of the last published night all is still there to be compared, not who held a tag alone.
ALL_THEN = "select tag, patient_id, state, since from patient_tags"
ALL_AGAIN = "select tag, patient_id, state, since from replayed.main.patient_tags"


@dataclass(frozen=True)
class TagDifference:
    """One tag of one night that does not come out as it was published, and why."""

    tag: str
    cause: Cause
    version_then: str | None
    version_now: str | None
    only_then: int
    only_again: int
    otherwise: int  # in both, but with another state or another day it is held since
    patients: Sequence[str]  # some of them

    @property
    def people(self) -> int:
        """Return how many patients differ."""
        return self.only_then + self.only_again + self.otherwise


@dataclass(frozen=True)
class NightCheck:
    """One night: how many tags were published, came out again, and are the same."""

    day: date
    then: int | None  # None where the night was not published
    again: int
    same: int
    differences: Sequence[TagDifference]

    def differing(self, cause: Cause) -> int:
        """Return how many tags of patients differ for a cause."""
        return sum(each.people for each in self.differences if each.cause == cause)


def compare(past: Past, night: PastNight, replayed: Path, settings_now: str) -> NightCheck:
    """Return what a replayed night and the published history say of the same day."""
    with duckdb.connect(str(past.path), read_only=True) as con:
        con.execute(f"attach '{replayed}' as replayed (read_only)").fetchall()
        is_last = night.day == past.build.as_of
        published, again = (ALL_THEN, ALL_AGAIN) if is_last else (HELD_THEN, HELD_AGAIN)
        views = {"as_published": published.format(day=night.day), "as_replayed": again}
        for name, query in views.items():
            con.execute(f"create temp view {name} as {query}").fetchall()
        if not night.is_published:
            ((held,),) = con.execute("select count(*) from as_replayed").fetchall()
            return NightCheck(night.day, None, int(held), 0, [])
        rows = con.execute(SQL.read_text(encoding="utf-8"), {"day": night.day}).fetchall()
    is_set_alike = night.settings_version == settings_now
    differences = [
        TagDifference(
            tag, _cause(before, now, is_set_alike), before, now, gone, come, other, who[:SHOWN]
        )
        for tag, before, now, _, gone, come, other, who in rows
        if gone + come + other
    ]
    same = sum(row[3] for row in rows)
    return NightCheck(
        day=night.day,
        then=same + sum(each.only_then + each.otherwise for each in differences),
        again=same + sum(each.only_again + each.otherwise for each in differences),
        same=same,
        differences=differences,
    )


def _cause(then: str | None, now: str | None, is_set_alike: bool) -> Cause:
    if then != now:
        return "rule"
    return "fault" if is_set_alike else "settings"
