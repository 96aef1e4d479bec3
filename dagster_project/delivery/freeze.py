"""Planned intents through the gate into frozen batches, in one transaction.

After this nobody can be added, dropped or moved: LINE asks that a retry equal its
original, and only an unchanging batch can be told to be one. A batch that has
provably reached nobody is dissolved when the gate would now refuse one of its people.
"""

import base64
import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from types import MappingProxyType

from sqlalchemy import Connection, Engine, bindparam, insert, update

from dagster_project.delivery.afford import Turn, chosen
from dagster_project.delivery.breaker import trip_on_refusals, trip_on_volume
from dagster_project.delivery.deferral import put_off, say_what_is_deferred, take_back_all
from dagster_project.delivery.gate import MAX_A_DAY, CameTo, Consent, Key, Planned, refusals
from dagster_project.delivery.merges import named_today
from dagster_project.delivery.planned import ONE_INTENT, read_planned, which_one
from dagster_project.delivery.planned import had_today as had_by_account
from dagster_project.ledger.batches import batches_in, take_back
from dagster_project.ledger.dead_letters import Resend, resends, still_right
from dagster_project.ledger.holds import in_force
from dagster_project.ledger.store import stamp, writing
from dagster_project.ledger.tables import batch, intent
from dagster_project.ledger.waits import BEFORE_WINDOW, say_what_waits
from dagster_project.line.body import render_body
from dagster_project.line.messages import Message
from dagster_project.line.wordings import PLAIN, Wordings, wording
from dagster_project.publish import Build

MAX_BATCH = 500  # recipients of one multicast
NAMESPACE = uuid.UUID("6d5f6f0e-6f3c-5b5e-9a55-7f1c1d6a2b10")


class FreezeError(Exception):
    """Somebody else changed the same intents meanwhile; nothing was frozen, run it again."""


@dataclass(frozen=True)
class FreezeSummary:
    """How many intents were frozen, how many the gate turned away, how many have to wait.

    `deferred` of those that wait do so for the month's quota.
    """

    frozen: int
    refused: int
    held: int
    deferred: int = 0


def freeze(
    engine: Engine,
    build: Build,
    still_planned: Mapping[Key, Sequence[str]],
    reachable: set[Consent],
    messages: Wordings,
    not_after: datetime,
    now: datetime,
    max_batch: int = MAX_BATCH,
    retired: Set[str] = frozenset(),
    waits: Mapping[str, str] = MappingProxyType({}),
    ends: Mapping[str, datetime] = MappingProxyType({}),
    told_as: Mapping[Key, str] = MappingProxyType({}),
    visited: Set[CameTo] = frozenset(),
    due: Set[tuple[str, str]] = frozenset(),
    max_a_day: int = MAX_A_DAY,
    turns: Mapping[Key, Turn] = MappingProxyType({}),
    left: int | None = None,
    merged: Mapping[str, str] = MappingProxyType({}),
) -> FreezeSummary:
    """Freeze a clinic's planned intents of this very build and return how many.

    `messages` holds each content by its version, and `told_as` which wording of it each message
    is; those of one variant who are told the same share batches. Intents whose content is
    not the planned one, or whose plan is another build's, stay planned: the next plan
    decides. No campaign of `retired`, and no message for one of `visited`, is sent; those of
    `waits` stay planned, each for its reason; a campaign of `ends` may leave until then, not until
    `not_after`. What a person wants sent again says what it said first, and
    only where campaign and patient are of `due` today. What no sound plan would bring here
    trips the circuit breaker, in the same transaction. A veto on a chart that was `merged` is one
    on the chart it is in now. What does not fit into what the month has
    `left` beside the batches there are (None: no limit) stays planned, in the order of `turns`;
    where not even those fit, they are taken back and shared out again. Raises FreezeError
    when two runs freeze the same people at once.
    """
    at = stamp(now)
    with writing(engine, build.clinic_id) as con:
        again = resends(con, build.clinic_id)
        still_planned = {**still_planned, **still_right(again, due)}
        vetoes = in_force(con, build.clinic_id, "veto")
        vetoed = {named_today(each.subject, merged) for each in vetoes}
        _dissolve(con, build, still_planned, reachable, at, retired, vetoed, visited)
        if left is not None and left < 0:
            left += take_back_all(con, build.clinic_id, at)
        planned = read_planned(con, build, state="planned")
        had_today = had_by_account(con, build)
        sent_today = Counter(line_user_id for line_user_id, _ in had_today)
        refused = refusals(
            planned,
            still_planned,
            reachable,
            sent_today,
            retired,
            set(had_today),
            vetoed,
            visited,
            max_a_day,
        )
        _skip(con, refused, at)
        say_what_waits(con, build.clinic_id, waits)
        # Beside what a person wants sent again, the plan alone is no sign of anything.
        asked_for = {user for _, user in again}
        unasked = {key: why for key, why in refused.items() if key[1] not in asked_for}
        trip_on_refusals(con, build.clinic_id, unasked, now)
        # Who only waits for a later hour of today keeps the place the night gave them.
        due_today = [
            each
            for each in planned
            if each.key not in refused
            and waits.get(each.campaign, BEFORE_WINDOW) == BEFORE_WINDOW
            and each.content_version in messages
            and (each.build_id == build.build_id or each.key in again)
        ]
        fits, too_many = chosen(due_today, turns, left)
        ready = [each for each in fits if each.campaign not in waits]
        put_off(con, build.clinic_id, [each.key for each in too_many], at)
        if too_many:
            say_what_is_deferred(con, build.clinic_id, build.as_of, len(too_many), now)
        for occurrence_id, group in groupby(ready, key=lambda each: each.key[0]):
            members = list(group)
            first = members[0]
            told = _told(members, messages, told_as, again)
            parts = [(part, said) for to, said in told for part in split_evenly(to, max_batch)]
            for users, said in parts:
                row = _batch(build, occurrence_id, users, said)
                row |= {"campaign": first.campaign, "priority": first.priority, "frozen_at": at}
                until = min(not_after, ends.get(first.campaign, not_after))
                con.execute(insert(batch), [row | {"not_after": stamp(until)}])
                done = con.execute(
                    update(intent)
                    .where(
                        intent.c.occurrence_id == occurrence_id,
                        intent.c.line_user_id.in_(users),
                        intent.c.state == "planned",
                    )
                    .values(state="batched", reason=None, batch_id=row["id"], changed_at=at)
                )
                if done.rowcount != len(users):
                    raise FreezeError(f"{build.clinic_id}: {occurrence_id} is being frozen twice")
        frozen = batches_in(con, build.clinic_id, "frozen")
        # One whose hour has passed only waits to be taken back.
        waiting = [row.recipients for row in frozen if row.not_after > at]
        trip_on_volume(con, build.clinic_id, waiting, len(still_planned), now)
    held = len(planned) - len(refused) - len(ready)
    return FreezeSummary(len(ready), len(refused), held, len(too_many))


def split_evenly(users: Sequence[str], largest: int) -> list[list[str]]:
    """Return as few parts as fit, all of nearly one size: LINE hides statistics under 20."""
    parts = -(-len(users) // largest)
    size, extra = divmod(len(users), parts) if parts else (0, 0)
    bounds = [n * size + min(n, extra) for n in range(parts + 1)]
    return [list(users[a:b]) for a, b in pairwise(bounds)]


def _told(
    members: Sequence[Planned],
    messages: Wordings,
    told_as: Mapping[Key, str],
    again: Mapping[Key, Resend],
) -> list[tuple[list[str], list[Message]]]:
    """Return the accounts of one occurrence by their variant and what they are told.

    LINE counts what became of a batch, so that of two texts a batch has only one.
    """
    told: dict[tuple[str, str], tuple[list[str], list[Message]]] = {}
    for each in members:
        if each.key in again:
            said = list(again[each.key].said)
        else:
            name = told_as.get(each.key, PLAIN)
            said = wording(messages, each.content_version, name, len(each.patient_ids))
        users, _ = told.setdefault((each.variant, json.dumps(said)), ([], said))
        users.append(each.key[1])
    return list(told.values())


def _batch(
    build: Build, occurrence_id: str, users: Sequence[str], messages: Sequence[Message]
) -> dict[str, object]:
    batch_id = str(uuid.uuid4())
    # Opaque on purpose: unit names are kept at LINE, where staff of others may read them.
    name = base64.b32encode(uuid.UUID(batch_id).bytes).decode().rstrip("=").lower()
    unit = f"b_{name}"
    body = render_body(users, messages, unit)
    digest = hashlib.sha256(body).hexdigest()
    return {
        "id": batch_id,
        "occurrence_id": occurrence_id,
        "clinic_id": build.clinic_id,
        "recipients": len(users),
        "retry_key": str(uuid.uuid5(NAMESPACE, batch_id + digest)),
        "body": body,
        "sha256": digest,
        "unit": unit,
        "state": "frozen",
        "tries": 0,
    }


def _dissolve(
    con: Connection,
    build: Build,
    still_planned: Mapping[Key, Sequence[str]],
    reachable: set[Consent],
    at: str,
    retired: Set[str],
    vetoed: Set[str],
    visited: Set[CameTo],
) -> None:
    """Take back waiting batches in which somebody has since blocked, come or been vetoed."""
    waiting = read_planned(con, build, state="batched")
    refused = refusals(
        waiting, still_planned, reachable, retired=retired, vetoed=vetoed, visited=visited
    )
    for batch_id in sorted({each.batch_id or "" for each in waiting if each.key in refused}):
        take_back(con, batch_id, "planned", "gate", at)


def _skip(con: Connection, refused: Mapping[Key, str], at: str) -> None:
    if refused:
        con.execute(
            update(intent)
            .where(ONE_INTENT, intent.c.state == "planned")
            .values(state="skipped", reason=bindparam("because"), changed_at=at),
            [which_one(key) | {"because": reason} for key, reason in refused.items()],
        )
