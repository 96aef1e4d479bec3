"""How many people may still be written to this month, and which messages fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Engine

from dagster_project.clinic import Clinic
from dagster_project.delivery.channel import Asked, prove
from dagster_project.delivery.gate import Key, Planned
from dagster_project.ledger.batches import Batch
from dagster_project.ledger.quota import Room, note_quota, room_now
from dagster_project.ledger.store import reading, writing


@dataclass(frozen=True)
class Turn:
    """When a message gets its share of what the month has left, as the night decided."""

    turn: int
    place: int
    in_parts: bool  # what does not fit whole may go as far as it fits


ASKED_FOR = Turn(0, 0, in_parts=True)  # what a person wants sent again is in no plan


def people(rows: Sequence[Batch]) -> int:
    """Return how many people batches are addressed to."""
    return sum(row.recipients for row in rows)


def room_of(engine: Engine, clinic: Clinic, now: datetime) -> Room:
    """Return what this month has left for messages that are in no batch yet."""
    with reading(engine) as con:
        return room_now(con, clinic.clinic_id, clinic.line.monthly_limit, now)


def ask_room(engine: Engine, clinic: Clinic, channel: Asked, now: datetime) -> Room:
    """Return what is left by LINE's own answer, asked of a channel that is proved first.

    Raises as `prove` and `room_by_line`.
    """
    prove(channel, clinic)
    return room_by_line(engine, clinic, channel, now)


def room_by_line(engine: Engine, clinic: Clinic, channel: Asked, now: datetime) -> Room:
    """Ask LINE for the month's quota, keep its answer, and return what is left.

    Raises ConnectionError when the quota cannot be read.
    """
    quota = channel.quota()
    with writing(engine, clinic.clinic_id) as con:
        note_quota(con, clinic.clinic_id, quota, now)
    return room_of(engine, clinic, now)


def chosen(
    ready: Sequence[Planned], turns: Mapping[Key, Turn], left: int | None
) -> tuple[list[Planned], list[Planned]]:
    """Return the messages that fit into what is left, and those that wait.

    The night's own order, asked again with what LINE says now: the queue of
    quota_shares.sql, turn by turn.
    """
    if left is None:
        return list(ready), []

    def turn_of(each: Planned) -> Turn:
        return turns.get(each.key, ASKED_FOR)

    queue = sorted(ready, key=lambda each: (turn_of(each).turn, turn_of(each).place, each.key))
    fits: list[Planned] = []
    waits: list[Planned] = []
    for _, group in groupby(queue, key=lambda each: turn_of(each).turn):
        members = list(group)
        may_split = all(turn_of(each).in_parts for each in members)
        is_whole = len(members) <= left
        granted = len(members) if is_whole else max(left, 0) if may_split else 0
        fits += members[:granted]
        waits += members[granted:]
        left -= granted
    order = {each.key: position for position, each in enumerate(ready)}
    return sorted(fits, key=lambda each: order[each.key]), waits
