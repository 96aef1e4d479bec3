"""LINE's statistics, read at night: what is worth a request, what it says, and what fails."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from delivery_fixtures import MONDAY, Night, a_build, a_night, at, plan_rows, rows_of, users
from test_simulator import Raw
from webhook_service import Answers, on_a_port

from dagster_project.conversation.app import Ways, build_app
from dagster_project.delivery.channel import WrongChannelError
from dagster_project.delivery.snapshot import blocks_for_warehouse, statistics_for_warehouse
from dagster_project.delivery.statistics import (
    REQUESTS_AN_HOUR,
    RESERVE,
    Report,
    read_statistics,
    worth_a_request,
)
from dagster_project.ledger.statistic_tables import unit_statistic
from dagster_project.line.account import Account
from dagster_project.line.client import LineClient
from dagster_project.line.insight import Insights
from dagster_project.line.replies import Counts, TooManyRequestsError
from dagster_project.simulator import RunningSimulator, start
from dagster_project.simulator.behaviour import Behaviour

INSIGHT = "GET /v2/bot/insight/message/event/aggregation"
ALL = {"opens": 1.0, "open_hours": 1.0}
TOKEN = "simulator:aozora"  # noqa: S105 - the simulator's own
DAY = timedelta(days=1)
SENT_AT = at(10, 5)


class World:
    """A clinic's ledger and a stand-in, both at one instant that only a test moves."""

    def __init__(self, night: Night, simulator: RunningSimulator) -> None:
        self.night, self.simulator, self.raw = night, simulator, Raw(simulator)
        night.line = LineClient(simulator.base_url, TOKEN)
        self.now = SENT_AT
        self.people = 0

    def at(self, now: datetime) -> "World":
        self.now = self.night.clock.now = now
        self.simulator.state.set_now(now)
        return self

    def send(self, *sizes: int) -> None:
        """Send a campaign for each size to as many people, whom nobody else writes to."""
        self.night.build = a_build(self.now.date())
        rows = []
        for size in sizes:
            rows += plan_rows(users(size, self.people), campaign=f"c{self.people}")
            self.people += size
        self.night.plan(rows)
        self.night.freeze(rows)
        assert self.night.send().accepted == sum(sizes)

    def account(self, timeout: float = 5) -> Account:
        return Account(self.simulator.base_url, lambda: TOKEN, timeout=timeout)

    def night_reads(self) -> Report:
        """Do what the night does."""
        due = worth_a_request(self.night.engine, "aozora", self.now)
        if not due:
            return Report()
        channel = Insights(self.account())
        return read_statistics(self.night.engine, self.night.clinic, due, channel, self.now)

    def asked(self) -> int:
        return self.simulator.state.calls[INSIGHT]

    def shown(self) -> list[tuple[object, ...]]:
        """Return recipients, read_on, is_frozen, impressions and clicks as the warehouse has."""
        rows = statistics_for_warehouse(self.night.engine, "aozora", date(2027, 1, 1))
        return sorted(row[6:] for row in rows)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with start(now=SENT_AT) as simulator:
        world = World(a_night(tmp_path), simulator)
        world.raw.control("channels", channel="aozora", behaviour=ALL)
        world.raw.control("friends", following=users(2500))
        yield world


def day(number: int) -> datetime:
    """Return two in the morning, so many days after the Monday of the sending."""
    return at(2) + number * DAY


# --- what is worth a request ----------------------------------------------------------------


def test_nothing_is_asked_where_there_is_nothing_to_ask(world: World) -> None:
    world.send(19)
    world.at(day(10))
    assert worth_a_request(world.night.engine, "aozora", world.now) == []


@pytest.mark.parametrize(("people", "is_worth_it"), [(19, False), (20, True)])
def test_of_fewer_people_than_line_shows_nothing_is_asked(
    world: World, people: int, is_worth_it: bool
) -> None:
    world.send(people)
    world.at(day(5))
    assert bool(worth_a_request(world.night.engine, "aozora", world.now)) == is_worth_it


@pytest.mark.parametrize(("late", "is_worth_it"), [(-1, False), (0, True)])
def test_a_day_after_it_was_sent_at_the_earliest(
    world: World, late: int, is_worth_it: bool
) -> None:
    world.send(30)
    world.at(SENT_AT + DAY + timedelta(seconds=late))
    assert bool(worth_a_request(world.night.engine, "aozora", world.now)) == is_worth_it


def test_once_a_day_until_it_is_frozen_and_never_again(world: World) -> None:
    world.send(30)
    for night in range(1, 30):
        world.at(day(night)).night_reads()
        world.at(day(night) + timedelta(minutes=90)).night_reads()
    # Sent at ten: the first night is the second, and the sixteenth is after the day of grace.
    assert world.asked() == 15
    assert world.shown() == [(30, day(16).date(), True, 30, None)]
    readings = rows_of(world.night.engine, unit_statistic)
    assert len(readings) == 15
    assert {each["from_on"] for each in readings} == {MONDAY}
    assert max(each["through_on"] for each in readings) == MONDAY + 14 * DAY


def test_what_was_read_longest_ago_comes_first_and_then_the_newest(world: World) -> None:
    world.send(20)
    world.at(SENT_AT + DAY).send(21)
    world.at(day(4)).night_reads()
    world.at(SENT_AT + 4 * DAY).send(22)
    world.at(SENT_AT + 5 * DAY).send(23)
    world.at(day(7))
    due = worth_a_request(world.night.engine, "aozora", world.now)
    assert [each.recipients for each in due] == [23, 22, 21, 20]
    faults(world, "", "", "500_before", "")
    world.night_reads()
    due = worth_a_request(world.night.engine, "aozora", day(8))
    assert [each.recipients for each in due] == [21, 23, 22, 20]


# --- what LINE says -------------------------------------------------------------------------


@pytest.mark.parametrize(("openers", "seen"), [(19, None), (20, 20)])
def test_null_under_twenty_is_kept_as_unknown(world: World, openers: int, seen: int | None) -> None:
    world.raw.control("friends", blocked=users(30 - openers))
    world.send(30)
    report = world.at(day(3)).night_reads()
    assert (report.read, report.not_shown) == (1, seen is None)
    assert world.shown() == [(30, day(3).date(), False, seen, None)]


def test_figures_come_late_and_the_newest_are_shown(world: World) -> None:
    world.raw.control("channels", behaviour={"opens": 1.0, "open_hours": 240})
    world.send(300)
    seen = []
    for night in (2, 5, 9, 16):
        world.at(day(night)).night_reads()
        ((_, read_on, _, impressions, _),) = world.shown()
        assert read_on == day(night).date()
        seen.append(impressions)
    assert seen[0] is None or seen[0] < seen[1]
    assert seen[1] < seen[2] < seen[3] == 300


def test_after_failed_nights_the_final_figures_are_the_same(world: World) -> None:
    world.raw.control("channels", behaviour={"opens": 0.5, "open_hours": 20 * 24, "seed": 3})
    world.send(300)
    world.at(day(16)).night_reads()
    in_time = world.shown()[0][3]
    world.night.engine.dispose()
    with world.night.engine.begin() as con:
        con.execute(unit_statistic.delete())
    report = world.at(day(90)).night_reads()
    assert report.read == 1
    assert world.shown() == [(300, day(90).date(), True, in_time, None)]
    assert world.at(day(91)).night_reads() == Report()


# --- the hour's requests --------------------------------------------------------------------


def test_an_hour_has_its_budget_and_the_rest_is_left_for_later(world: World) -> None:
    world.send(*[20] * 58)
    may_ask = REQUESTS_AN_HOUR - RESERVE
    first = world.at(day(2)).night_reads()
    assert (first.read, first.left_for_next_night) == (may_ask, 8)
    again = world.at(day(2) + timedelta(minutes=59)).night_reads()
    assert (again.read, again.left_for_next_night) == (0, 8)
    later = world.at(day(2) + timedelta(minutes=60)).night_reads()
    assert (later.read, later.left_for_next_night) == (8, 0)
    assert world.asked() == 58


def test_a_full_bucket_at_line_ends_the_reading_for_the_night(world: World) -> None:
    """Somebody else asks about the same channel, too."""
    world.send(*[20] * 12)
    world.at(day(2))
    for _ in range(55):
        world.raw.get(f"{INSIGHT[4:]}?customAggregationUnit=x&from=20260601&to=20260601")
    report = world.night_reads()
    assert (report.read, report.failed, report.left_for_next_night) == (5, 0, 7)
    assert report.trouble == "TooManyRequestsError"
    assert world.at(day(3)).night_reads().read == 12


class LastNameTaken(LineClient):
    """The month's last name was free when LINE was asked; somebody else's message has it by now."""

    def units_left(self) -> int:
        return super().units_left() + 1


def test_the_1001st_unit_is_found_in_lines_list_and_not_asked_for(world: World) -> None:
    world.simulator.state.channel("aozora").units["2026-06"] = [f"n{n}" for n in range(999)]
    world.send(30)
    world.night.line = LastNameTaken(world.simulator.base_url, TOKEN)
    world.at(SENT_AT + timedelta(minutes=5)).send(40)
    report = world.at(day(2)).night_reads()
    assert (report.read, report.unassigned) == (1, 1)
    world.at(day(3)).night_reads()
    assert world.asked() == 2
    assert world.shown() == [
        (30, day(3).date(), False, 30, None),
        (40, day(2).date(), True, None, None),
    ]


def test_while_names_are_left_lines_list_is_not_needed(world: World) -> None:
    world.simulator.state.channel("aozora").units["2026-06"] = [f"n{n}" for n in range(998)]
    world.send(30)
    assert world.at(day(2)).night_reads().unassigned == 0
    assert world.simulator.state.calls["GET /v2/bot/message/aggregation/list"] == 0


def test_of_last_months_units_the_list_tells_nothing(world: World) -> None:
    world.send(30)
    world.at(at(10, day=date(2026, 7, 2)))
    world.simulator.state.channel("aozora").units["2026-07"] = [f"n{n}" for n in range(1000)]
    report = world.night_reads()
    assert (report.read, report.unassigned) == (1, 0)


# --- trouble --------------------------------------------------------------------------------


def faults(world: World, *script: str) -> None:
    assert world.raw.control("faults", script=list(script), of="insight").status == 200


@pytest.mark.parametrize("fault", ["500_before", "502_html", "accept_html", "reset_before",
                                   "accept_truncated", "redirect"])  # fmt: skip
def test_one_failure_costs_one_unit_its_figure_of_the_night(world: World, fault: str) -> None:
    world.send(20, 21, 22)
    faults(world, "", fault, "")
    report = world.at(day(2)).night_reads()
    assert (report.read, report.failed, report.left_for_next_night) == (2, 1, 0)
    assert report.trouble == "ConnectionError"
    assert len(world.shown()) == 2
    assert world.at(day(2) + timedelta(minutes=1)).night_reads().read == 1


def test_no_answer_in_time_is_a_failure(world: World) -> None:
    world.send(20)
    world.at(day(2))
    faults(world, "slow:5")
    with pytest.raises(ConnectionError):
        Insights(world.account(timeout=0.2)).counts("u", MONDAY, MONDAY)


def test_three_failures_in_a_row_end_it_and_two_do_not(world: World) -> None:
    world.send(*[20] * 8)
    faults(world, *["500_before"] * 2, "", *["500_before"] * 4)
    report = world.at(day(2)).night_reads()
    assert (report.read, report.failed, report.left_for_next_night) == (1, 5, 2)


def test_a_question_line_refuses_keeps_no_other_waiting(world: World) -> None:
    world.send(*[20] * 5)
    faults(world, *["400_bare"] * 4)
    report = world.at(day(2)).night_reads()
    assert (report.read, report.failed, report.left_for_next_night) == (1, 4, 0)
    assert report.trouble == "NothingThereError"


@pytest.mark.parametrize("fault", ["401_once", "403_forbidden"])
def test_a_refused_token_ends_it_at_once(world: World, fault: str) -> None:
    world.send(20, 21)
    faults(world, fault)
    report = world.at(day(2)).night_reads()
    assert (report.read, report.failed, report.left_for_next_night) == (0, 0, 2)
    assert report.trouble == "PermissionError"


def test_429_is_told_from_other_refusals(world: World) -> None:
    faults(world, "429_retry_after")
    with pytest.raises(TooManyRequestsError):
        Insights(world.account()).counts("u", MONDAY, MONDAY)
    assert Insights(world.account()).counts("u", MONDAY, MONDAY) == Counts(None, None)


def test_another_accounts_figures_are_never_read(world: World) -> None:
    world.send(20)
    world.raw.control("channels", channel="@another")
    with pytest.raises(WrongChannelError):
        world.at(day(2)).night_reads()
    assert world.asked() == 0


def test_any_other_host_needs_to_be_declared_live() -> None:
    with pytest.raises(ValueError, match="not this machine"):
        Insights(Account("https://example.com", lambda: TOKEN)).counts("u", MONDAY, MONDAY)


# --- who blocked ----------------------------------------------------------------------------


def test_a_planted_block_comes_back_with_its_hour(world: World) -> None:
    engine, secret = world.night.engine, "simulator-secret:aozora"
    app = build_app(engine, {"aozora": secret}, {"aozora": Answers()}, lambda: world.now, Ways())
    with on_a_port(app) as port:
        planted = {"blocks": 0.5, "block_hours": 72, "seed": 5}
        hook = f"http://127.0.0.1:{port}/webhook/aozora"
        world.raw.control("channels", webhook=hook, behaviour=planted)
        world.send(20)
        world.at(day(1)).raw.get("/v2/bot/info")
    leaving = {each: Behaviour(**planted).of(each, 0).blocks for each in users(20)}
    expected = {
        (each, (SENT_AT + after).replace(tzinfo=None))
        for each, after in leaving.items()
        if after is not None and SENT_AT + after <= day(1)
    }
    assert 0 < len(expected) < sum(after is not None for after in leaving.values())
    found = blocks_for_warehouse(engine, "aozora", MONDAY + DAY)
    assert {(each, at.replace(microsecond=0)) for each, at in found} == {
        (each, at.replace(microsecond=0)) for each, at in expected
    }
