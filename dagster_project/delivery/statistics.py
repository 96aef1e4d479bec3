"""Reads LINE's statistics of what was sent: of units worth a request, as many as an hour allows.

LINE counts for 14 days and keeps what it counted, so a reading that fails tonight is late, and
nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine

from dagster_project.clinic import Clinic
from dagster_project.delivery.channel import Named, prove
from dagster_project.ledger.statistics import (
    COUNTED,
    Unit,
    is_hidden,
    is_last_word,
    newest_readings,
    note_counts,
    readings_since,
    units_sent,
)
from dagster_project.ledger.store import reading, writing
from dagster_project.line.replies import Counts, NothingThereError, TooManyRequestsError
from dagster_project.settings import TOKYO

AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)  # before which LINE shows nothing yet
REQUESTS_AN_HOUR = 60
RESERVE = 10  # of them, for others who ask about the same channel
GIVE_UP_AFTER = 3  # failures in a row: LINE is not well, and each may cost a timeout


class Counting(Named, Protocol):
    """A channel as far as it tells what became of messages."""

    def names_left(self) -> int:
        """Return how many new unit names this month has left. Raises as `basic_id`."""

    def names(self) -> set[str]:
        """Return this month's unit names. Raises as `basic_id`."""

    def counts(self, unit: str, first: date, last: date) -> Counts:
        """Return what people did from a day to a day. Raises as `basic_id`."""


@dataclass
class Report:
    """How many units were read, and what became of the others that were worth a request.

    A failed one is asked for again the next night, too.
    """

    read: int = 0
    not_shown: int = 0  # of those read: fewer than 20 opened, and LINE does not say how many
    failed: int = 0
    unassigned: int = 0  # sent after the month's names were used up: LINE counts none of it
    left_for_next_night: int = 0
    trouble: str = "none"


def worth_a_request(engine: Engine, clinic_id: str, now: datetime) -> list[Unit]:
    """Return the units of which LINE may say something new: those read longest ago first.

    That is what LINE accepted a day ago or more, and has not been read today, nor since LINE
    stopped counting it. Of those never read, or read on the same day, the newest comes first:
    were it always the newest, the oldest of a busy clinic would never get their last reading.
    """
    now = now.astimezone(TOKYO)
    with reading(engine) as con:
        units = units_sent(con, clinic_id)
        readings = newest_readings(con, clinic_id, now.date())
    last_read = {unit: found.read_at.date() for unit, found in readings.items()}
    due = [
        each
        for each in units
        if each.sent_at + A_DAY <= now
        and not is_hidden(each)
        and last_read.get(each.unit) != now.date()
        and not ((found := readings.get(each.unit)) and is_last_word(each, found))
    ]
    return sorted(due, key=lambda each: last_read.get(each.unit, date.min))


def read_statistics(
    engine: Engine, clinic: Clinic, due: Sequence[Unit], channel: Counting, now: datetime
) -> Report:
    """Read units in their order, keep each answer at once, and return how it went.

    Raises as `prove` before anything is read; what fails later is in the report.
    """
    now = now.astimezone(TOKYO)
    prove(channel, clinic)
    counted, unassigned = _assigned(channel, due, now)
    with writing(engine, clinic.clinic_id) as con:
        for each in unassigned:
            note_counts(con, clinic.clinic_id, each, None, now.date(), now)
    with reading(engine) as con:
        asked = readings_since(con, clinic.clinic_id, now - AN_HOUR)
    may_ask = max(0, REQUESTS_AN_HOUR - RESERVE - asked)
    report = Report(unassigned=len(unassigned))
    failures = 0
    for each in counted[:may_ask]:
        last = min(now.date(), (each.sent_at + COUNTED).date())
        try:
            counts = channel.counts(each.unit, each.first_on, last)
        except (TooManyRequestsError, PermissionError) as error:
            report.trouble = type(error).__name__
            break
        except ConnectionError as error:
            report.trouble = type(error).__name__
            report.failed += 1
            # A question that LINE refuses is a matter of one unit, and keeps no other waiting.
            failures = 0 if isinstance(error, NothingThereError) else failures + 1
            if failures == GIVE_UP_AFTER:
                break
            continue
        failures = 0
        with writing(engine, clinic.clinic_id) as con:
            note_counts(con, clinic.clinic_id, each, counts, last, now)
        report.read += 1
        report.not_shown += counts.impressions is None
    report.left_for_next_night = len(counted) - report.read - report.failed
    return report


def _assigned(
    channel: Counting, due: Sequence[Unit], now: datetime
) -> tuple[list[Unit], list[Unit]]:
    """Return the units LINE counts, and those sent after the month's names were used up.

    LINE lists this month's names only, so of earlier months nobody can tell any more.
    """
    if channel.names_left() > 0:
        return list(due), []
    names = channel.names()
    this_month = now.date().replace(day=1)
    gone = [each for each in due if each.first_on >= this_month and each.unit not in names]
    return [each for each in due if each not in gone], gone
