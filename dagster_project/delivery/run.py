"""One clinic's send, from the published plan to the reconciled ledger."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from time import sleep as wait
from types import MappingProxyType

from sqlalchemy import Engine

from dagster_project.clinic import Clinic
from dagster_project.delivery.afford import ask_room
from dagster_project.delivery.alarm import UNAUTHORIZED, tell
from dagster_project.delivery.approval import Campaign, waiting
from dagster_project.delivery.channel import Channel
from dagster_project.delivery.contents import check_contents
from dagster_project.delivery.freeze import freeze
from dagster_project.delivery.gate import (
    UNREADABLE_LINKS,
    UNREADABLE_VISITS,
    Closed,
    Consent,
    outside_window,
    why_closed,
)
from dagster_project.delivery.night import came_since, read_night
from dagster_project.delivery.planned import waiting_contents
from dagster_project.delivery.reconcile import Reconciliation, reconcile
from dagster_project.delivery.send import Clock, SendSummary, send_batches
from dagster_project.delivery.waiting import is_waiting
from dagster_project.ledger.alerts import write_alert
from dagster_project.ledger.content_checks import checked, not_to_be_sent
from dagster_project.ledger.holds import in_force
from dagster_project.ledger.store import reading, writing
from dagster_project.ledger.tag_decisions import retired
from dagster_project.ledger.waits import AWAITING, UNCHECKED
from dagster_project.line.wordings import Wordings
from dagster_project.publish import LAYOUT, read_build
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
    sleep: Callable[[float], None] = wait,
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
    build = read_build(published)
    night = None
    if build is not None and build.layout == LAYOUT:
        night = read_night(published, retired(engine, now.date()).keys())
        build = night.build
    with reading(engine) as con:
        holds = in_force(con, clinic.clinic_id, "stop", "breaker")
        unapproved = waiting(con, clinic.clinic_id, campaigns or {}, now.date(), is_live=is_live)
    waits: dict[str, str] = {}
    closed = why_closed(clinic, build, now, holds)
    refused = deferred = 0
    if closed is None and (reachable is None or last_visits is None):
        closed = UNREADABLE_LINKS if reachable is None else UNREADABLE_VISITS
        _tell(engine, clinic, closed, now)
    if closed is None and night and reachable is not None and last_visits is not None:
        closes = datetime.combine(now.date(), clinic.send_window.closes, TOKYO)
        left = _ask(engine, clinic, channel, messages, now)
        waits = outside_window(night.windows, now) | dict.fromkeys(unapproved, AWAITING)
        with reading(engine) as con:
            contents = waiting_contents(con, clinic.clinic_id, messages)
            waits |= not_to_be_sent(con, clinic.clinic_id, contents)
        done = freeze(
            engine,
            night.build,
            night.plan,
            reachable,
            messages,
            closes,
            now,
            retired=night.retired,
            waits=waits,
            ends={
                campaign: datetime.combine(now.date(), window.closes, TOKYO)
                for campaign, window in night.windows.items()
            },
            told_as=night.told_as,
            visited=came_since(night, last_visits),
            due=night.due,
            max_a_day=clinic.contact.max_messages_a_day,
            turns=night.turns,
            left=left,
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
    if UNCHECKED in waits.values():
        sent.stopped = sent.stopped or "content unchecked"
    return DeliveryReport(
        closed.reason if closed else None,
        refused,
        sent,
        reconcile(engine, clinic.clinic_id),
        deferred,
    )


def _ask(
    engine: Engine, clinic: Clinic, channel: Channel, messages: Wordings, now: datetime
) -> int | None:
    """Ask LINE what may have changed since the morning: the month, and contents it never saw.

    Return what the month has left, None without a limit, or where nobody says. Then nothing
    leaves either: the sender proves the channel and asks again before its first batch.
    """
    if not is_waiting(engine, clinic.clinic_id):
        return None
    left = None
    try:
        left = ask_room(engine, clinic, channel, now).left
        with reading(engine) as con:
            said = waiting_contents(con, clinic.clinic_id, messages)
            new = said - checked(con, clinic.clinic_id).keys()
        check_contents(engine, clinic.clinic_id, channel, new, messages, now)
    except PermissionError:
        with writing(engine, clinic.clinic_id) as con:
            tell(con, clinic.clinic_id, "token", UNAUTHORIZED, now)
    except ConnectionError:
        pass  # what is not known waits, each for its own reason
    return left


def _tell(engine: Engine, clinic: Clinic, closed: Closed, now: datetime) -> None:
    """Tell staff, once a day for each reason, that a corrected export is what sending waits for."""
    kind = "links_unreadable" if closed is UNREADABLE_LINKS else "visits_unreadable"
    text = f"{closed.reason}。読めるものを置き直すまで送信しません"
    with writing(engine, clinic.clinic_id) as con:
        write_alert(con, now, clinic.clinic_id, kind, str(now.date()), text)
