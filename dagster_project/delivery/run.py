"""One clinic's send, from the published plan to the reconciled ledger."""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import duckdb
from sqlalchemy import Engine

from dagster_project.clinic import Clinic
from dagster_project.delivery.afford import Turn, ask_room
from dagster_project.delivery.approval import Campaign, waiting
from dagster_project.delivery.channel import Channel, WrongChannelError
from dagster_project.delivery.freeze import freeze
from dagster_project.delivery.gate import (
    UNREADABLE_LINKS,
    UNREADABLE_VISITS,
    CameTo,
    Closed,
    Consent,
    Key,
    why_closed,
)
from dagster_project.delivery.merges import merges_in
from dagster_project.delivery.reconcile import Reconciliation, reconcile
from dagster_project.delivery.send import Clock, SendSummary, send_batches
from dagster_project.delivery.waiting import is_waiting
from dagster_project.ledger.alerts import write_alert
from dagster_project.ledger.holds import in_force
from dagster_project.ledger.store import reading, writing
from dagster_project.ledger.tag_decisions import retired
from dagster_project.line.wordings import Wordings
from dagster_project.publish import Build, build_of
from dagster_project.settings import TOKYO

LOOK_COUNTS = timedelta(minutes=10)  # since the gate was asked; then the next run asks it again


@dataclass(frozen=True)
class DeliveryReport:
    """What one run came to: why nothing was sent, or what was, and the proof of the sum."""

    closed: str | None
    refused: int
    sent: SendSummary
    ledger: Reconciliation
    deferred_by_quota: int = 0

    def as_metadata(self) -> dict[str, int | str]:
        """Return the figures for Dagster; they name nobody."""
        figures = {f"ledger_{name}": count for name, count in asdict(self.ledger).items()}
        return {
            "gate": self.closed or "open",
            "refused_at_gate": self.refused,
            "accepted": self.sent.accepted,
            "rejected": self.sent.rejected,
            "expired": self.sent.expired,
            "unknown": self.sent.unknown,
            "deferred": self.sent.deferred,
            "deferred_by_quota": self.deferred_by_quota,
            "unsettled": self.sent.unsettled,
            "stopped": self.sent.stopped or "no",
            **figures,
        }


def deliver(
    engine: Engine,
    clinic: Clinic,
    published: Path,
    reachable: set[Consent] | None,
    messages: Wordings,
    channel: Channel,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    campaigns: Mapping[str, Campaign] | None = None,
    last_visits: Mapping[str, date] | None = MappingProxyType({}),
    heard: Mapping[str, int] = MappingProxyType({}),
    *,
    is_live: bool = False,
) -> DeliveryReport:
    """Send what may be sent now and return what came of it.

    Outside the window, ten minutes after consents were looked at, and while nobody knows who
    consents (`reachable` is None) or who came (`last_visits` is None), nothing new leaves, the
    plan waits, and staff are told. What an earlier run left under way is still retried with its
    own key, and settled when its deadline has passed. What of `campaigns` waits for an approval
    stays planned. `last_visits` are those of the newest exports: who came since the night is
    not invited. `heard` is how many chat events of each account there were before `reachable`
    was asked: whoever has said more since is not written to in this run. Raises
    WrongChannelError, before anything is sent, when the channel is not the clinic's.
    """
    now = clock().astimezone(TOKYO)
    night = _published(published, retired(engine, now.date()).keys())
    build = night.build if night else None
    with reading(engine) as con:
        holds = in_force(con, clinic.clinic_id, "stop", "breaker")
        unapproved = waiting(con, clinic.clinic_id, campaigns or {}, now.date(), is_live=is_live)
    closed = why_closed(clinic, build, now, holds)
    refused = deferred = 0
    if closed is None and (reachable is None or last_visits is None):
        closed = UNREADABLE_LINKS if reachable is None else UNREADABLE_VISITS
        _tell(engine, clinic, closed, now)
    if closed is None and night and reachable is not None and last_visits is not None:
        closes = datetime.combine(now.date(), clinic.send_window.closes, TOKYO)
        asked = _ask_quota(engine, clinic, channel, now)
        done = freeze(
            engine,
            night.build,
            night.plan,
            reachable,
            messages,
            closes,
            now,
            retired=night.retired,
            unapproved=unapproved,
            told_as=night.told_as,
            visited=_visited(night, last_visits),
            due=night.due,
            max_a_day=clinic.contact.max_messages_a_day,
            turns=night.turns,
            left=asked,
            merged=night.merged,
        )
        refused, deferred = done.refused, done.deferred
    sent = send_batches(
        engine,
        clinic,
        channel,
        clock,
        lambda moment: (
            closed is None
            and moment - now <= LOOK_COUNTS
            and clinic.may_send_at(moment.astimezone(TOKYO))
        ),
        sleep,
        heard,
    )
    return DeliveryReport(
        closed.reason if closed else None,
        refused,
        sent,
        reconcile(engine, clinic.clinic_id),
        deferred,
    )


def _ask_quota(engine: Engine, clinic: Clinic, channel: Channel, now: datetime) -> int | None:
    """Return what the month has left, None without a limit, or where nobody says.

    Then nothing leaves either: the sender proves the channel and asks again before its first batch.
    """
    if not is_waiting(engine, clinic.clinic_id):
        return None
    try:
        return ask_room(engine, clinic, channel, now).left
    except (PermissionError, ConnectionError, WrongChannelError):
        return None


@dataclass(frozen=True)
class _Night:
    """What sending asks of the published night, read at once."""

    build: Build
    plan: Mapping[Key, Sequence[str]]  # the patients of each message
    told_as: Mapping[Key, str]  # which wording each message is
    turns: Mapping[Key, Turn]
    due: Set[tuple[str, str]]  # campaign and patient decided for, or only sent already
    pauses: Mapping[str, int]  # campaign -> days after a visit without an invitation
    entries: Mapping[CameTo, date]  # in a scenario: a visit from that day on is its goal
    merged: Mapping[str, str]  # chart -> the one it was merged into
    retired: Set[str]  # campaigns with a tag that was retired since


def _published(path: Path, retired_tags: Set[str]) -> _Night | None:
    """Return the published night, None before the first.

    Through one connection: another build may take its place.
    """
    if not path.exists():
        return None
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute(
            "select occurrence_id, line_user_id, patient_ids, wording, quota_turn, quota_place,"
            " goes_in_parts from delivery_plan"
        ).fetchall()
        due = con.execute(
            "select campaign, patient_id from delivery_decisions"
            " where reason in ('send', 'already_this_cycle')"
        ).fetchall()
        pauses = con.execute("select campaign, visited_within_days from campaigns").fetchall()
        entries = con.execute(
            "select campaign, patient_id, visits_count_from from scenario_positions"
            " where state = 'active'"
        ).fetchall()
        return _Night(
            build_of(con),
            {(occurrence, user): patients.split(",") for occurrence, user, patients, *_ in rows},
            {(occurrence, user): name for occurrence, user, _, name, *_ in rows},
            {(row[0], row[1]): Turn(*row[4:]) for row in rows if row[4] is not None},
            set(due),
            dict(pauses),
            {(campaign, patient): day for campaign, patient, day in entries},
            merges_in(con),
            _standing_on(con, retired_tags) if retired_tags else set(),
        )


def _tell(engine: Engine, clinic: Clinic, closed: Closed, now: datetime) -> None:
    """Tell staff, once a day for each reason, that a corrected export is what sending waits for."""
    kind = "links_unreadable" if closed is UNREADABLE_LINKS else "visits_unreadable"
    text = f"{closed.reason}。読めるものを置き直すまで送信しません"
    with writing(engine, clinic.clinic_id) as con:
        write_alert(con, now, clinic.clinic_id, kind, str(now.date()), text)


def _visited(night: _Night, last_visits: Mapping[str, date]) -> set[CameTo]:
    """Return who came within the days a campaign gives, or since they entered its scenario."""
    came = {
        (campaign, patient)
        for campaign, days in night.pauses.items()
        for patient, day in last_visits.items()
        if day + timedelta(days=days) > night.build.as_of
    }
    reached = {
        (campaign, patient)
        for (campaign, patient), counts_from in night.entries.items()
        if last_visits.get(patient, date.min) >= counts_from
    }
    return came | reached


def _standing_on(con: duckdb.DuckDBPyConnection, tags: Set[str]) -> set[str]:
    rows = con.execute(
        "select distinct campaign from tag_references where campaign is not null and tag in $tags",
        {"tags": sorted(tags)},
    ).fetchall()
    return {campaign for (campaign,) in rows}
