"""Nights that are killed at random points, against a LINE that fails at random, until all is done.

Every launch is a forked process (imports are paid once) that plans, freezes and
sends; it kills itself with SIGKILL at a chosen step, or is killed from outside at a
random moment. The simulator lives in the parent and survives, as LINE does. In
between, hours pass: sometimes more than a retry key lives.
"""

import gc
import os
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from delivery_fixtures import a_clinic, at, patient_of, plan_rows, rows_of, user
from sqlalchemy import Engine, event

from dagster_project.clinic import Clinic
from dagster_project.delivery.freeze import freeze
from dagster_project.delivery.gate import why_closed
from dagster_project.delivery.plan import PlanRow, plan_night
from dagster_project.delivery.reconcile import Reconciliation, reconcile
from dagster_project.delivery.send import send_batches
from dagster_project.ledger.holds import end
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.ledger.tables import batch, intent
from dagster_project.line.client import LineClient
from dagster_project.line.messages import Message
from dagster_project.line.replies import Quota, Reply
from dagster_project.publish import Build
from dagster_project.settings import TOKYO
from dagster_project.simulator import RunningSimulator

CAMPAIGNS = {"vaccine": 1, "lifestyle": 2, "lapsed": 3}
MESSAGES = {name: [{"type": "text", "text": name}] for name in CAMPAIGNS}
FAULTS = [
    "reset_before", "500_before", "502_html", "429_rate", "429_retry_after", "429_reserved",
    "401_once", "403_forbidden", "400_bare", "redirect",
    "accept_500", "accept_500", "accept_reset", "accept_fin", "accept_truncated", "accept_html",
]  # fmt: skip
RARE_FAULT = "accept_hang"  # costs a read timeout
MAX_BATCH = 12
OK = 0


class KilledHere:
    """Counts steps and, at the chosen one, ends this process as a power cut would."""

    def __init__(self, at_step: int | None) -> None:
        self._left = at_step

    def step(self, *_: object) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class KillingChannel:
    """A real client on the simulator, with a step before and after every message request."""

    def __init__(self, client: LineClient, before: Callable[[], None], after: Callable[[], None]):
        self._client, self._before, self._after = client, before, after

    def send(self, body: bytes, retry_key: str) -> Reply:
        self._before()
        reply = self._client.send(body, retry_key)
        self._after()
        return reply

    def basic_id(self) -> str:
        return self._client.basic_id()

    def quota(self) -> Quota:
        return self._client.quota()

    def refusal_of(self, messages: Sequence[Message]) -> str | None:
        return self._client.refusal_of(messages)

    def clock(self) -> datetime | None:
        return self._client.clock()

    def units_left(self) -> int:
        return self._client.units_left()

    def aggregation_units(self) -> set[str]:
        return self._client.aggregation_units()


@dataclass(frozen=True)
class Launch:
    """One run of one clinic: what is published, who consents, when, and where it is killed."""

    ledger: str
    base_url: str
    clinic: Clinic
    build: Build | None
    rows: list[PlanRow]
    gone: frozenset[str]
    now: datetime
    max_batch: int = MAX_BATCH
    kill_at: int | None = None
    kill_after_accepting: int | None = None

    def run(self) -> None:
        """Plan, freeze and send, in this process."""
        open_ledger.cache_clear()
        engine = open_ledger(self.ledger)
        kill = KilledHere(self.kill_at)
        kill_accepted = KilledHere(self.kill_after_accepting)
        for moment in ("begin", "after_cursor_execute", "commit"):
            event.listen(engine, moment, kill.step)
        time_now = [self.now]

        def sleep(seconds: float) -> None:
            time_now[0] += timedelta(seconds=seconds)

        def after() -> None:
            kill_accepted.step()
            kill.step()

        client = LineClient(
            self.base_url, f"simulator:{self.clinic.clinic_id}", timeouts=(2.0, 0.4)
        )
        channel = KillingChannel(client, kill.step, after)
        closed = why_closed(self.clinic, self.build, self.now)
        if self.build is not None:
            plan_night(engine, self.rows, self.build, self.now)
            if closed is None:
                reachable = {
                    (row.line_user_id, patient_of(row.line_user_id), row.purpose)
                    for row in self.rows
                    if row.line_user_id not in self.gone
                }
                closes = datetime.combine(self.now.date(), self.clinic.send_window.closes, TOKYO)
                plan = {row.key: row.patient_ids.split(",") for row in self.rows}
                freeze(
                    engine, self.build, plan, reachable, MESSAGES, closes, self.now, self.max_batch
                )
        send_batches(
            engine,
            self.clinic,
            channel,
            lambda: time_now[0],
            lambda now: closed is None and self.clinic.may_send_at(now.astimezone(TOKYO)),
            sleep,
        )


def fork(launch: Launch, killed_after: float | None = None) -> bool:
    """Run a launch in a child; return whether it was killed. Raises when it failed by itself."""
    child = os.fork()
    if child == 0:
        gc.disable()  # collecting what the parent imported would copy all of its memory
        try:
            launch.run()
            os._exit(OK)
        except BaseException:  # noqa: BLE001 - the child must end here, whatever happened
            traceback.print_exc()
            os._exit(70)
    if killed_after is not None:
        time.sleep(killed_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != OK:
        raise AssertionError("a launch failed without being killed; its traceback is above")
    return os.WIFSIGNALED(status)


@dataclass
class Figures:
    """What trials came to, to be added up."""

    trials: int = 0
    launches: int = 0
    kills: int = 0
    requests: int = 0
    replays: int = 0
    doubled: int = 0
    lost: int = 0
    fates: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Figures") -> "Figures":
        mine, theirs = vars(self), vars(other)
        return Figures(**{name: mine[name] + theirs[name] for name in mine})


def run_trial(seed: int, ledger: str, simulator: RunningSimulator) -> Figures:
    """Run one clinic's week with its own seed and return the figures; finding is for the caller."""
    chance = random.Random(seed)  # noqa: S311 - trials must repeat
    clinic = a_clinic(f"c{seed}")
    people = [user(number) for number in range(chance.randint(5, 60))]
    # Two of the three each, as a sound night plans: a third message a day trips the breaker.
    for_whom = {
        name: [each for number, each in enumerate(people) if number % len(CAMPAIGNS) != place]
        for place, name in enumerate(CAMPAIGNS)
    }
    members = {name: {u for u in who if chance.random() < 0.7} for name, who in for_whom.items()}
    channel = simulator.state.channel(clinic.clinic_id)
    channel.friends |= set(people)
    channel.blocked |= {each for each in people if chance.random() < 0.1}
    demand = sum(map(len, members.values()))
    channel.monthly_limit = chance.choice([None, 10_000, max(1, demand * 2 // 3)])
    figures = Figures(trials=1)
    now, number, gone = at(10, 1), 1, set[str]()
    build: Build | None = Build(clinic.clinic_id, "b1", now.date(), now)
    killed_launches = chance.randint(3, 9)
    while True:
        is_last = figures.launches >= killed_launches
        simulator.state.set_now(now)
        channel.faults = [] if is_last else _faults(chance)
        rows = _rows(clinic.clinic_id, members)
        how = 1.0 if is_last else chance.random()
        launch = Launch(
            ledger,
            simulator.base_url,
            clinic,
            build,
            rows,
            frozenset(gone),
            now,
            max_batch=chance.choice([MAX_BATCH, 1]) if how < 0.1 else MAX_BATCH,
            kill_at=1 + int(chance.expovariate(1 / 40)) if how < 0.7 else None,
        )
        killed = fork(launch, chance.uniform(0, 0.1) if 0.7 <= how < 0.85 else None)
        figures.launches += 1
        figures.kills += killed
        _reset_breaker(ledger, clinic.clinic_id, now)
        if is_last and not _under_way(ledger, clinic.clinic_id):
            break
        now, day_before = _later(chance, now, is_last=is_last), now.date()
        if now.date() != day_before or chance.random() < 0.2:
            number += 1
            gone |= {each for each in people if chance.random() < 0.03}
            members = {
                name: {u for u in for_whom[name] if (u in who) != (chance.random() < 0.1)}
                for name, who in members.items()
            }
            is_built = is_last or chance.random() < 0.85
            build = Build(clinic.clinic_id, f"b{number}", now.date(), now) if is_built else None
    # A last night that wants nobody: what was planned and never sent is flagged as such.
    last = now + timedelta(days=2)
    simulator.state.set_now(last)
    nobody = Build(clinic.clinic_id, "end", last.date(), last)
    fork(Launch(ledger, simulator.base_url, clinic, nobody, [], frozenset(), last))
    return figures + _judge(ledger, clinic.clinic_id, channel)


def _faults(chance: random.Random) -> list[str]:
    rate = chance.choice([0.2, 0.5, 0.8])
    return [
        ""
        if chance.random() > rate
        else RARE_FAULT
        if chance.random() < 0.01
        else chance.choice(FAULTS)
        for _ in range(60)
    ]


def _rows(clinic_id: str, members: dict[str, set[str]]) -> list[PlanRow]:
    return [
        row
        for name, who in members.items()
        for row in plan_rows(sorted(who), name, CAMPAIGNS[name], clinic_id, version=name)
    ]


def _later(chance: random.Random, now: datetime, *, is_last: bool) -> datetime:
    if is_last:
        return now + timedelta(hours=5)
    pause = chance.choices(
        [timedelta(minutes=1), timedelta(minutes=25), timedelta(hours=5), timedelta(hours=25)],
        [5, 2, 2, 1],
    )[0]
    return now + pause * chance.uniform(0.8, 1.2)


def _under_way(ledger: str, clinic_id: str) -> bool:
    engine = _opened(ledger)
    states = {each["state"] for each in rows_of(engine, batch) if each["clinic_id"] == clinic_id}
    engine.dispose()  # a forked child must not inherit a connection
    return "sending" in states


def _reset_breaker(ledger: str, clinic_id: str, now: datetime) -> None:
    """Do what a person does when so many faults have tripped it, or the week would be over."""
    engine = _opened(ledger)
    with writing(engine, clinic_id) as con:
        end(con, clinic_id, "breaker", "試験", "佐藤", now)
    engine.dispose()


def _opened(ledger: str) -> Engine:
    open_ledger.cache_clear()
    return open_ledger(ledger)


def _judge(ledger: str, clinic_id: str, channel: object) -> Figures:
    """Compare what everybody received with what the ledger says of them."""
    engine = _opened(ledger)
    proof = reconcile(engine, clinic_id)
    copies = Counter((each["user"], each["messages"][0]["text"]) for each in channel.inbox)
    batches = {each["id"]: each["state"] for each in rows_of(engine, batch)}
    lost = 0
    for row in (each for each in rows_of(engine, intent) if each["clinic_id"] == clinic_id):
        found = copies.pop((row["line_user_id"], row["campaign"]), 0)
        state = batches[row["batch_id"]] if row["state"] == "batched" else row["state"]
        reached = row["line_user_id"] not in channel.blocked
        # Accepted means there; unknown may be; anything else means that nothing arrived.
        if (state == "accepted" and found != reached) or (
            state not in {"accepted", "unknown"} and found
        ):
            lost += 1
        if found > 1:
            copies[row["line_user_id"], row["campaign"]] = found
    engine.dispose()
    return Figures(
        requests=len(channel.requests),
        replays=channel.altered_retries,
        doubled=sum(count - 1 for count in copies.values()),
        lost=lost,
        fates=Counter(vars(proof)),
    )


def flagged(fates: Counter[str] | Reconciliation) -> int:
    """Return everybody who was planned and is not known to have been reached."""
    counts = fates if isinstance(fates, Counter) else Counter(vars(fates))
    return sum(counts[name] for name in ("skipped", "expired", "rejected", "unknown", "pending"))
