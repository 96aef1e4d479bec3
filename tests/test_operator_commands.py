"""Any sequence of what people and machines do to a clinic's send, on the real ledger and LINE.

Nights are published, planned and sent in any order, also twice, late, by two senders or by one
that dies in a call; LINE fails in every way; staff stop, resume, reset, veto, approve, resend
and forget, and change who is told which of two texts; people withdraw their consent. What may
never happen is looked at where bytes leave, and after every step.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from delivery_fixtures import Clock, a_build, a_clinic, at, patient_of, plan_rows, users
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledgers import database_on
from published_nights import publish_night
from sqlalchemy import select

from dagster_project.delivery.approval import Campaign
from dagster_project.delivery.plan import PlanRow, plan_night
from dagster_project.delivery.reconcile import reconcile
from dagster_project.delivery.run import deliver
from dagster_project.delivery.sweep import doubtful, expire_missed, settle_doubtful
from dagster_project.forget.hashes import Forgotten
from dagster_project.ledger import approvals, forgotten
from dagster_project.ledger.batches import NOT_SENT
from dagster_project.ledger.dead_letters import Decision, decide, undecided
from dagster_project.ledger.erase import UnderWayError, erase
from dagster_project.ledger.holds import end, in_force, place
from dagster_project.ledger.store import open_ledger, reading, stamp, writing
from dagster_project.ledger.tables import batch, intent
from dagster_project.line.client import LineClient
from dagster_project.line.replies import Reply
from dagster_project.settings import TOKYO
from dagster_project.simulator import RunningSimulator
from dagster_project.simulator.channel import Channel as AtLine
from dagster_project.simulator.faults import NAMES, SLOW

MEMORY = Path("/dev/shm")  # noqa: S108 - what is written counts here, not where
CLINIC = a_clinic("operated")
PEOPLE = users(6)
NEEDS_APPROVAL = Campaign([("vaccine", "v2")], "鈴木", is_required=True)
TEXTS = {each: f"お知らせ {each}" for each in ("v1", "v2", "v1b")}
MESSAGES = {each: [{"type": "text", "text": words}] for each, words in TEXTS.items()}
EVERYBODY = [
    *plan_rows(PEOPLE, "lapsed", 3, CLINIC.clinic_id),
    *plan_rows(PEOPLE, "vaccine", 2, CLINIC.clinic_id, "v2"),
]
CYCLES = 3  # a night plans the occurrences of one of them, so often the same as before
KEY = b"k" * 32
WORD = ("理由", "佐藤")
FAULTS = sorted(NAMES - {SLOW, "accept_hang"})  # those two take seconds
SUBJECTS = ["campaign lapsed", f"patient {patient_of(PEOPLE[0])}"]

some_rows = st.sets(st.integers(0, len(EVERYBODY) - 1), min_size=1)
cycles = st.integers(1, CYCLES)
decisions: st.SearchStrategy[Decision] = st.sampled_from(["resend", "drop"])
scripts = st.one_of(
    st.lists(st.sampled_from(FAULTS), max_size=6),
    st.sampled_from(FAULTS).map(lambda each: [each] * 20),  # an outage
)


class Killed(BaseException):
    """The sender is gone, without a word."""


class Operators(RuleBasedStateMachine):
    """One clinic, and everything that may be done to it; `calls` is where bytes leave."""

    def __init__(self, simulator: RunningSimulator, folder: Path, server: str | None) -> None:
        super().__init__()
        self.made = ExitStack()
        aside = self.made.enter_context(TemporaryDirectory(dir=folder))
        self.published = Path(aside) / "published.duckdb"
        url = f"sqlite:///{aside}/ledger.db"
        if server is not None:
            url = self.made.enter_context(database_on(server))
        self.engine = open_ledger(url)
        self.made.callback(self.engine.dispose)
        self.simulator = simulator
        self.line = AtLine(CLINIC.clinic_id, CLINIC.line.channel, friends=set(PEOPLE))
        simulator.state.channels[CLINIC.clinic_id] = self.line
        token = f"simulator:{CLINIC.clinic_id}"
        self.client = LineClient(simulator.base_url, token, timeouts=(2.0, 2.0))
        self.clock = Clock(at(10, 1))
        self.builds = 0
        self.told_b = 0  # how many of the people are told the second text of `lapsed`
        self.consenting = set(PEOPLE)
        self.forgotten: set[str] = set()
        self.vetoed: set[str] = set()
        self.approved: set[date] = set()
        self.ever: set[tuple[str, str]] = set()  # whatever was planned, but for resends
        self.resent = 0
        self.bytes: dict[str, bytes] = {}  # by retry key
        self.first_at: dict[str, datetime] = {}
        self.in_doubt: set[str] = set()
        self.units: dict[str, tuple[str, date, str]] = {}
        self.dies: str | None = None
        self.nap: timedelta | None = None

    def teardown(self) -> None:
        self.simulator.state.set_now(None)
        self.made.close()

    # What happens at night, and what Dagster's page can start alone.

    @initialize()
    def a_first_night(self) -> None:
        self.publish(set(range(len(EVERYBODY))), 1, 0)
        self.plan()

    @rule(chosen=some_rows, cycle=cycles, days_ago=st.integers(0, 1))
    def publish(self, chosen: set[int], cycle: int, days_ago: int) -> None:
        self.builds += 1
        day = self.today - timedelta(days=days_ago)
        self.build = a_build(day, CLINIC.clinic_id, self.builds)
        rows = [
            (n, replace(self._of_its_variant(row), occurrence_id=f"{row.occurrence_id}/{cycle}"))
            for n, row in enumerate(EVERYBODY)
        ]
        self.rows = [row for n, row in rows if n in chosen]
        settled = [(row.campaign, row.patient_ids) for n, row in rows if n not in chosen]
        publish_night(self.published, self.build, self.rows, settled)

    def _of_its_variant(self, row: PlanRow) -> PlanRow:
        is_b = row.campaign == "lapsed" and PEOPLE.index(row.line_user_id) < self.told_b
        return replace(row, variant="b", content_version="v1b") if is_b else row

    @rule(people=st.integers(0, len(PEOPLE)))
    def a_new_share(self, people: int) -> None:
        self.told_b = people

    @rule()
    def plan(self) -> None:
        plan_night(self.engine, self.rows, self.build, self.clock(), KEY)
        self.ever |= {row.key for row in self.rows if row.line_user_id not in self.forgotten}

    @rule(chosen=some_rows, cycle=cycles, script=scripts)
    def a_new_day(self, chosen: set[int], cycle: int, script: list[str]) -> None:
        day = self.today + timedelta(days=1)
        while not CLINIC.calendar.is_open(day):
            day += timedelta(days=1)
        self.clock.now = at(10, 1, day)
        self.publish(chosen, cycle, 0)
        self.plan()
        self.say("resume")
        self.say("approve")
        self.send(script)

    @rule(chosen=some_rows, cycle=cycles)
    def a_night_of_yesterday_is_started_now(self, chosen: set[int], cycle: int) -> None:
        self.publish(chosen, cycle, 1)
        self.plan()
        self.send([])

    @rule(chosen=some_rows, fault=st.sampled_from(FAULTS), decision=decisions)
    def an_outage_that_somebody_decides_on(
        self, chosen: set[int], fault: str, decision: Decision
    ) -> None:
        self.a_new_day(chosen, 1, [fault] * 20)
        self.a_new_day(chosen, 1, [])
        self.retry(decision)
        self.send([])

    @rule(script=scripts)
    def send(self, script: list[str]) -> None:
        self.line.faults = list(script)
        self._deliver()

    @rule(script=scripts, dies=st.sampled_from(["before", "after"]))
    def send_and_be_killed(self, script: list[str], dies: str) -> None:
        self.line.faults, self.dies = list(script), dies
        with suppress(Killed):
            self._deliver()
        self.dies = None

    @rule(script=scripts, minutes=st.sampled_from([0, 9, 11, 30]))
    def send_while_another_sleeps_in_a_call(self, script: list[str], minutes: int) -> None:
        self.line.faults, self.nap = list(script), timedelta(minutes=minutes)
        self._deliver()
        self.nap = None

    @rule()
    def sweep(self) -> None:
        now, clinic_id = self._now(), CLINIC.clinic_id
        expire_missed(self.engine, clinic_id, now)
        rows = doubtful(self.engine, clinic_id, now)
        settle_doubtful(self.engine, clinic_id, rows, self.client, now)

    @rule(minutes=st.sampled_from([1, 15, 60, 1260]))
    def time_passes(self, minutes: int) -> None:
        self.clock.now += timedelta(minutes=minutes)

    # What people say.

    @rule(word=st.sampled_from(["stop", "stop all", "resume", "approve"]))
    def say(self, word: str) -> None:
        mine, now = CLINIC.clinic_id, self.clock()
        with writing(self.engine, mine) as con:
            match word:
                case "stop" | "stop all":
                    place(con, "*" if word == "stop all" else mine, "stop", *WORD, now)
                case "resume":
                    for clinic_id in (mine, "*"):
                        end(con, clinic_id, "stop", *WORD, now)
                    end(con, mine, "breaker", *WORD, now)
                case "approve":
                    wish = approvals.Wish(NEEDS_APPROVAL.contents[0], NEEDS_APPROVAL.owner, "佐藤")
                    approvals.approve(con, mine, wish, self.today, now)
                    self.approved.add(self.today)

    @rule(subject=st.sampled_from(["campaign lapsed", f"patient {patient_of(PEOPLE[0])}"]))
    def veto_or_let_go(self, subject: str) -> None:
        do = end if subject in self.vetoed else place
        with writing(self.engine, CLINIC.clinic_id) as con:
            assert do(con, CLINIC.clinic_id, "veto", *WORD, self.clock(), subject)
        self.vetoed ^= {subject}

    @precondition(lambda self: self.build.as_of == self.today)
    @rule(decision=decisions)
    def retry(self, decision: Decision) -> None:
        with writing(self.engine, CLINIC.clinic_id) as con:
            for each in undecided(con, CLINIC.clinic_id):
                decide(con, self.build, each.id, decision, "佐藤", "理由", self.clock())
                self.resent += each.recipients if decision == "resend" else 0

    @rule(user=st.sampled_from(PEOPLE[:3]))
    def consent_is_withdrawn_or_given(self, user: str) -> None:
        self.consenting ^= {user}

    @rule(user=st.sampled_from(PEOPLE[-2:]))
    def forget(self, user: str) -> None:
        of = Forgotten(CLINIC.clinic_id, KEY)
        patient = patient_of(user)
        hashes = frozenset({of.of_patient(patient), of.of_account(user)})
        try:
            with writing(self.engine, CLINIC.clinic_id) as con:
                erase(con, of, patient, [user], stamp(self.clock()))
                forgotten.add(con, Forgotten(CLINIC.clinic_id, KEY, hashes), self.clock())
        except UnderWayError:
            return
        self.forgotten.add(user)

    # What may never happen.

    def calls(self, body: bytes, key: str) -> Reply:
        """Take what the sender lets go of, look whether it may, and pass it on to LINE."""
        self._look(body, key)
        is_again = key in self.in_doubt
        self.in_doubt.add(key)
        if self.dies == "before":
            raise Killed
        if self.nap is not None:
            nap, self.nap = self.nap, None
            self.clock.now += nap
            self._deliver()
        self._now()
        reply = self.client.send(body, key)
        if self.dies == "after":
            raise Killed
        if reply.kind in NOT_SENT and not is_again:
            self.in_doubt.discard(key)
        return reply

    def _look(self, body: bytes, key: str) -> None:
        with reading(self.engine) as con:
            row = con.execute(select(batch).where(batch.c.retry_key == key)).one()
            mine = con.execute(select(intent).where(intent.c.batch_id == row.id)).all()
            assert not in_force(con, CLINIC.clinic_id, "stop", "breaker")
        assert body == self.bytes.setdefault(key, row.body)
        assert self.clock() - self.first_at.setdefault(key, self.clock()) <= timedelta(hours=20)
        self.units[row.unit] = (row.occurrence_id, mine[0].as_of, row.id)
        ((variant, version),) = {(each.variant, each.content_version) for each in mine}
        assert variant == ("b" if version == "v1b" else "a")
        assert json.loads(body)["messages"][0]["text"] == TEXTS[version]
        if key in self.in_doubt:
            return  # the same bytes again, which LINE may have
        assert self.build.as_of == self.today
        assert CLINIC.may_send_at(self.clock())
        plan = {each.key for each in self.rows}
        for each in mine:
            user, patient = each.line_user_id, patient_of(each.line_user_id)
            assert each.as_of == self.today
            assert (each.occurrence_id, user) in plan or "/again-" in each.occurrence_id
            assert user in self.consenting - self.forgotten
            assert not self.vetoed & {f"campaign {each.campaign}", f"patient {patient}"}
            assert each.campaign != "vaccine" or self.today in self.approved

    @invariant()
    def nobody_has_two_copies(self) -> None:
        copies = Counter((self.units[each["unit"]][0], each["user"]) for each in self.line.inbox)
        assert not copies or max(copies.values()) == 1, copies
        a_day = Counter((self.units[each["unit"]][1], each["user"]) for each in self.line.inbox)
        assert not a_day or max(a_day.values()) <= CLINIC.contact.max_messages_a_day, a_day
        assert not self.line.altered_retries

    @invariant()
    def nothing_is_lost(self) -> None:
        figures = vars(reconcile(self.engine, CLINIC.clinic_id))
        assert figures["planned"] == len(self.ever) + self.resent
        assert figures["planned"] == sum(figures.values()) - figures["planned"]

    @invariant()
    def what_arrived_and_what_the_ledger_says_agree(self) -> None:
        with reading(self.engine) as con:
            rows = con.execute(select(batch.c.unit, batch.c.state, batch.c.recipients)).all()
        copies = Counter(each["unit"] for each in self.line.inbox)
        for unit, state, recipients in rows:
            assert not copies[unit] or state in {"accepted", "unknown", "sending"}
            assert state != "accepted" or copies[unit] == recipients

    # The sender, and the channel it is given.

    def _deliver(self) -> None:
        self._now()
        people = self.consenting - self.forgotten
        reachable = {(user, patient_of(user), EVERYBODY[0].purpose) for user in people}
        deliver(
            self.engine,
            CLINIC,
            self.published,
            reachable,
            MESSAGES,
            Watched(self),
            self.clock,
            self.clock.sleep,
            campaigns={"vaccine": NEEDS_APPROVAL},
        )

    def _now(self) -> datetime:
        self.simulator.state.set_now(self.clock())
        return self.clock()

    @property
    def today(self) -> date:
        return self.clock().astimezone(TOKYO).date()


class Watched:
    """A clinic's channel that looks at everything before it passes it on."""

    def __init__(self, machine: Operators) -> None:
        self.send, client = machine.calls, machine.client
        self.basic_id, self.aggregation_units = client.basic_id, client.aggregation_units
        self.quota, self.clock = client.quota, client.clock
        self.units_left, self.refusal_of = client.units_left, client.refusal_of


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as made:
        yield Path(made)


def any_sequence(
    simulator: RunningSimulator, folder: Path, server: str | None, examples: int, steps: int
) -> None:
    run_state_machine_as_test(
        lambda: Operators(simulator, folder, server),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.generate],  # to shrink a sequence of nights takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_sequence_breaks_what_never_changes(
    line: RunningSimulator, folder: Path, server: str | None
) -> None:
    any_sequence(line, folder, server, examples=10 if server is None else 4, steps=20)


@pytest.mark.long
def test_no_long_sequence_does_either(
    line: RunningSimulator, folder: Path, server: str | None
) -> None:
    any_sequence(line, folder, server, examples=200 if server is None else 60, steps=60)
