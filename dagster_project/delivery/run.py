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
from dagster_project.delivery.approval import Campaign, waiting
from dagster_project.delivery.channel import Channel
from dagster_project.delivery.freeze import freeze
from dagster_project.delivery.gate import UNREADABLE_LINKS, Consent, Key, why_closed
from dagster_project.delivery.reconcile import Reconciliation, reconcile
from dagster_project.delivery.send import Clock, SendSummary, send_batches
from dagster_project.ledger.holds import in_force
from dagster_project.ledger.store import reading
from dagster_project.ledger.tag_decisions import retired
from dagster_project.line.wordings import Wordings
from dagster_project.publish import Build, build_of
from dagster_project.settings import TOKYO


@dataclass(frozen=True)
class DeliveryReport:
    """What one run came to: why nothing was sent, or what was, and the proof of the sum."""

    closed: str | None
    refused: int
    sent: SendSummary
    ledger: Reconciliation

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
    last_visits: Mapping[str, date] = MappingProxyType({}),
    *,
    is_live: bool = False,
) -> DeliveryReport:
    """Send what may be sent now and return what came of it.

    Outside the window, and while nobody knows who consents (`reachable` is None), nothing
    new leaves and the plan waits. What an earlier run left under way is still retried with
    its own key, and settled when its deadline has passed. What of `campaigns` waits for an
    approval stays planned. `last_visits` are those of the newest exports: who came since the
    night is not invited. Raises WrongChannelError, before anything is sent, when the channel
    is not the clinic's.
    """
    now = clock().astimezone(TOKYO)
    build, plan, variants, retired_today = _published(published, retired(engine, now.date()).keys())
    with reading(engine) as con:
        holds = in_force(con, clinic.clinic_id, "stop", "breaker")
        unapproved = waiting(con, clinic.clinic_id, campaigns or {}, now.date(), is_live=is_live)
    closed = why_closed(clinic, build, now, holds)
    refused = 0
    if closed is None and reachable is None:
        closed = UNREADABLE_LINKS
    if closed is None and build is not None and reachable is not None:
        closes = datetime.combine(now.date(), clinic.send_window.closes, TOKYO)
        refused = freeze(
            engine,
            build,
            plan,
            reachable,
            messages,
            closes,
            now,
            retired=retired_today,
            unapproved=unapproved,
            variants=variants,
            visited=_visited(published, last_visits, build.as_of),
        ).refused
    sent = send_batches(
        engine,
        clinic,
        channel,
        clock,
        lambda moment: closed is None and clinic.may_send_at(moment.astimezone(TOKYO)),
        sleep,
    )
    return DeliveryReport(
        closed.reason if closed else None, refused, sent, reconcile(engine, clinic.clinic_id)
    )


def _published(
    path: Path, retired_tags: Set[str]
) -> tuple[Build | None, dict[Key, Sequence[str]], dict[Key, str], set[str]]:
    """Return the published build, its plan, its variants, and campaigns with a tag retired since.

    Through one connection: another build may take its place.
    """
    if not path.exists():
        return None, {}, {}, set()
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute(
            "select occurrence_id, line_user_id, patient_ids, variant from delivery_plan"
        ).fetchall()
        plan = {(occurrence, user): patients.split(",") for occurrence, user, patients, _ in rows}
        variants = {(occurrence, user): variant for occurrence, user, _, variant in rows}
        gone = _standing_on(con, retired_tags) if retired_tags else set()
        return build_of(con), plan, variants, gone


def _visited(path: Path, last_visits: Mapping[str, date], as_of: date) -> set[Key]:
    """Return the messages for a patient who came within the days the campaign gives."""
    if not last_visits:
        return set()
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute(
            "select plan.occurrence_id, plan.line_user_id, plan.patient_ids,"
            " campaigns.visited_within_days from delivery_plan as plan"
            " join campaigns on campaigns.campaign = plan.campaign"
        ).fetchall()
    return {
        (occurrence, user)
        for occurrence, user, patients, days in rows
        if any(
            (day := last_visits.get(patient)) and day + timedelta(days=days) > as_of
            for patient in patients.split(",")
        )
    }


def _standing_on(con: duckdb.DuckDBPyConnection, tags: Set[str]) -> set[str]:
    rows = con.execute(
        "select distinct campaign from tag_references where campaign is not null and tag in $tags",
        {"tags": sorted(tags)},
    ).fetchall()
    return {campaign for (campaign,) in rows}
