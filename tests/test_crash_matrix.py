"""kill -9 at every line of delivery and ledger between plan and reconciled, enumerated.

A child runs one night under a tracer that counts the lines it executes in those two packages and
kills it at the n-th. A second run finishes the night; then everybody has got one copy, and the
ledger says what the phones say.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from crash_harness import FAULTS, OK, Launch, fork
from delivery_fixtures import a_build, a_clinic, at, plan_rows, rows_of, users

from dagster_project.delivery.reconcile import reconcile
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tables import batch
from dagster_project.settings import ROOT
from dagster_project.simulator import RunningSimulator, start

TRACED = tuple(str(ROOT / "dagster_project" / name) for name in ("delivery", "ledger"))
PEOPLE = users(3)
SUBSET_STEP = 167  # a prime, so that the lines of a loop are not always the same
SUBSET_FAULTS = ["", "accept_reset"]
RUNS = 3  # after a kill: what was tried is retried, what was released is sent


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start() as running:
        yield running


class Lines:
    """Counts traced lines, and kills this process at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.count, self._kill_at = 0, kill_at

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(TRACED):
            return None
        if event == "line":
            self.count += 1
            if self.count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


def traced(launch: Launch, kill_at: int | None) -> int | None:
    """Run a launch in a child up to a line; return how many it executed, None when killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        lines = Lines(kill_at)
        try:
            sys.settrace(lines.trace)
            launch.run()
            sys.settrace(None)
            os.write(write, str(lines.count).encode())
            os._exit(OK)
        finally:
            os._exit(70)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == OK, "failed without being killed"
    return int(said) if said else None


def a_launch(folder: Path, simulator: RunningSimulator, name: str) -> Launch:
    clinic = a_clinic(name)
    channel = simulator.state.channel(name)
    channel.friends |= set(PEOPLE)
    rows = plan_rows(PEOPLE, "lapsed", clinic_id=name, version="lapsed")
    build = a_build(clinic_id=name)
    return Launch(
        f"sqlite:///{folder / name}.db", simulator.base_url, clinic, build, rows, frozenset(),
        at(10, 1), max_batch=2,
    )  # fmt: skip


def trial(folder: Path, simulator: RunningSimulator, fault: str, kill_at: int) -> bool:
    """Kill a night at a line, let it be finished, judge it; return whether it was killed."""
    name = f"k{kill_at}_{FAULTS.index(fault) if fault else 'none'}"
    launch = a_launch(folder, simulator, name)
    channel = simulator.state.channel(name)
    simulator.state.set_now(launch.now)
    channel.faults = [fault] if fault else []
    was_killed = traced(launch, kill_at) is None
    channel.faults = []
    for run in range(1, RUNS):
        later = replace(launch, now=launch.now + timedelta(minutes=run))
        simulator.state.set_now(later.now)
        fork(later)
    open_ledger.cache_clear()
    engine = open_ledger(launch.ledger)
    proof = reconcile(engine, name)
    states = Counter(str(each["state"]) for each in rows_of(engine, batch))
    engine.dispose()
    where = f"killed at line {kill_at} with fault {fault or 'none'}: {states}"
    copies = Counter(each["user"] for each in channel.inbox)
    assert not [user for user, count in copies.items() if count > 1], f"doubled, {where}"
    assert proof.planned == len(PEOPLE), f"lost, {where}"
    assert proof.accepted == copies.total(), f"the ledger and the phones differ, {where}"
    assert proof.accepted + proof.rejected + proof.unknown == len(PEOPLE), f"undone, {where}"
    return was_killed


def lines_of_a_night(folder: Path, simulator: RunningSimulator, fault: str = "") -> int:
    launch = a_launch(folder, simulator, f"count{len(list(folder.iterdir()))}")
    simulator.state.set_now(launch.now)
    simulator.state.channel(launch.clinic.clinic_id).faults = [fault] if fault else []
    return traced(launch, None) or 0


@pytest.mark.long
def test_killed_at_some_lines(tmp_path: Path, simulator: RunningSimulator) -> None:
    lines = lines_of_a_night(tmp_path, simulator)
    assert lines > 200
    for fault in SUBSET_FAULTS:
        for line in range(1, lines, SUBSET_STEP):
            assert trial(tmp_path, simulator, fault, line)


@pytest.mark.crash_matrix
@pytest.mark.parametrize("fault", ["", *dict.fromkeys(FAULTS)])
def test_killed_at_every_line(tmp_path: Path, simulator: RunningSimulator, fault: str) -> None:
    lines = lines_of_a_night(tmp_path, simulator, fault)
    kills = sum(trial(tmp_path, simulator, fault, line) for line in range(1, lines + 1))
    assert kills > lines * 0.9
