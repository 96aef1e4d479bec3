"""A clinic's night without a warehouse: plans, a ledger, a scripted LINE, a clock one can move."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from dagster_project.clinic import Calendar, Clinic, Line
from dagster_project.delivery.channel import Channel
from dagster_project.delivery.freeze import FreezeSummary, freeze
from dagster_project.delivery.plan import PlanRow, PlanSummary, plan_night
from dagster_project.delivery.send import SendSummary, send_batches
from dagster_project.ledger.store import open_ledger, reading
from dagster_project.ledger.tables import attempt, batch, intent
from dagster_project.line.messages import Message
from dagster_project.line.replies import Kind, Quota, Reply
from dagster_project.publish import Build
from dagster_project.settings import TOKYO

MONDAY = date(2026, 6, 1)
MESSAGES = {"v1": [{"type": "text", "text": "お知らせ"}]}


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    """Return a moment in Asia/Tokyo."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=TOKYO)


def user(number: int) -> str:
    return f"U{number:032x}"


def users(count: int, first: int = 0) -> list[str]:
    return [user(first + number) for number in range(count)]


def a_clinic(clinic_id: str = "aozora") -> Clinic:
    return Clinic(
        clinic_id=clinic_id,
        name="あおぞら",
        line=Line(channel=clinic_id),
        calendar=Calendar(closed_weekdays=["thu", "sun"]),
        feeds={},
    )


def a_build(day: date = MONDAY, clinic_id: str = "aozora", number: int = 1) -> Build:
    return Build(clinic_id, f"{day}-{number}", day, at(2, day=day))


def plan_rows(
    people: Iterable[str],
    campaign: str = "lapsed",
    priority: int = 3,
    clinic_id: str = "aozora",
    version: str = "v1",
    variant: str = "a",
) -> list[PlanRow]:
    """Return one row for each account; patient p<n> belongs to account n."""
    occurrence = f"{clinic_id}/{campaign}/1/{version}/2026-H1"
    return [
        PlanRow(
            occurrence, campaign, 1, each, patient_of(each), priority, "visit", version, variant
        )
        for each in people
    ]


def patient_of(line_user_id: str) -> str:
    return f"p{int(line_user_id[1:], 16)}"


@dataclass
class Clock:
    """Time that passes only when somebody sleeps or moves it."""

    now: datetime = field(default_factory=lambda: at(10, 5))
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@dataclass
class ScriptedLine:
    """A channel that answers by script, then accepts; it keeps what it was sent."""

    script: list[Kind | Reply] = field(default_factory=list)
    limit: int | None = None
    used: int = 0
    units: set[str] = field(default_factory=set)
    sent: list[tuple[bytes, str]] = field(default_factory=list)
    account: str = "aozora"
    calls: int = 0
    names_left: int = 1000
    refuses: str | None = None  # a text with this in it
    validated: list[Sequence[Message]] = field(default_factory=list)
    says: datetime | None = None  # what its clock says

    def send(self, body: bytes, retry_key: str) -> Reply:
        self.calls += 1
        self.sent.append((body, retry_key))
        answer = self.script.pop(0) if self.script else Kind.ACCEPTED
        return answer if isinstance(answer, Reply) else Reply(answer, 200, f"r{self.calls}")

    def basic_id(self) -> str:
        return self.account

    def quota(self) -> Quota:
        self.calls += 1
        return Quota(self.limit, self.used)

    def clock(self) -> datetime | None:
        return self.says

    def units_left(self) -> int:
        return self.names_left

    def refusal_of(self, messages: Sequence[Message]) -> str | None:
        self.validated.append(messages)
        is_refused = self.refuses is not None and self.refuses in str(messages)
        return "messages[0].text" if is_refused else None

    def aggregation_units(self) -> set[str]:
        self.calls += 1
        return self.units


@dataclass
class Night:
    """One clinic's ledger and everything a run needs, with defaults that send."""

    engine: Engine
    line: Channel = field(default_factory=ScriptedLine)
    clock: Clock = field(default_factory=Clock)
    clinic: Clinic = field(default_factory=a_clinic)
    build: Build = field(default_factory=a_build)

    def plan(self, rows: Sequence[PlanRow]) -> PlanSummary:
        return plan_night(self.engine, rows, self.build, self.clock())

    def freeze(
        self,
        rows: Sequence[PlanRow],
        without: Iterable[str] = (),
        max_batch: int = 500,
        **changes: object,
    ) -> FreezeSummary:
        gone = set(without)
        given: dict[str, Any] = {
            "messages": MESSAGES | dict.fromkeys(("v2", "v3"), MESSAGES["v1"]),
            "due": {(row.campaign, each) for row in rows for each in row.patient_ids.split(",")},
        }
        return freeze(
            self.engine,
            self.build,
            {row.key: row.patient_ids.split(",") for row in rows},
            {
                (row.line_user_id, patient, row.purpose)
                for row in rows
                if row.line_user_id not in gone
                for patient in row.patient_ids.split(",")
            },
            not_after=datetime.combine(self.build.as_of, self.clinic.send_window.closes, TOKYO),
            now=self.clock(),
            max_batch=max_batch,
            **(given | changes),
        )

    def send(self) -> SendSummary:
        return send_batches(
            self.engine,
            self.clinic,
            self.line,
            self.clock,
            lambda now: self.clinic.may_send_at(now.astimezone(TOKYO)),
            self.clock.sleep,
        )

    def batches(self) -> list[dict[str, object]]:
        return rows_of(self.engine, batch)

    def intents(self) -> list[dict[str, object]]:
        return rows_of(self.engine, intent)

    def attempts(self) -> list[dict[str, object]]:
        return rows_of(self.engine, attempt)


def rows_of(engine: Engine, table: object) -> list[dict[str, object]]:
    with reading(engine) as con:
        return [dict(row._mapping) for row in con.execute(select(table))]


def a_night(tmp_path: Path, clinic_id: str = "aozora") -> Night:
    engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    return Night(
        engine,
        ScriptedLine(account=clinic_id),
        clinic=a_clinic(clinic_id),
        build=a_build(clinic_id=clinic_id),
    )


def ready(night: Night, people: int = 3, **changes: object) -> Night:
    """Return a night whose people are frozen into batches."""
    rows = plan_rows(users(people), **changes)
    night.plan(rows)
    night.freeze(rows)
    return night


def moment(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
