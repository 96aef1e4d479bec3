"""A night that is killed at a chosen line, begun again and again from the same start.

The parent imports and compiles everything once and holds nothing open; each night runs in a
forked child, under a tracer that counts the lines it executes and sends it SIGKILL at one of
them. The simulator lives in the parent and survives, as LINE does. What a kill leaves is a
ledger and what LINE knows: two kills that leave the same are finished from once.
"""

import copy
import gc
import hashlib
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from delivery_fixtures import MONDAY, a_build, a_clinic, at, plan_rows, users
from published_nights import publish_night

from dagster_project.delivery.plan import plan_night
from dagster_project.delivery.reconcile import reconcile
from dagster_project.delivery.run import deliver
from dagster_project.ledger.store import open_ledger
from dagster_project.line.client import LineClient
from dagster_project.publish import Build
from dagster_project.settings import ROOT
from dagster_project.simulator import RunningSimulator
from dagster_project.simulator.channel import Channel
from dagster_project.simulator.faults import HANG_SECONDS, NAMES, SLOW

TRACED = tuple(str(ROOT / "dagster_project" / name) for name in ("delivery", "ledger", "line"))
FIGURES = ROOT / "data" / "reliability"  # for docs/reliability.py
CLINIC = a_clinic("killed")
PEOPLE = users(3)
MESSAGES = {"v1": [{"type": "text", "text": "お知らせ"}]}
READ_TIMEOUT = 0.25  # seconds; a fault that hangs costs as much
SLOW_BY = 0.4  # LINE takes the message after we have given it up
FAULTS = sorted(f"{name}:{SLOW_BY}" if name == SLOW else name for name in NAMES)
TEN = at(10, 1)
RANDOM = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|b_[a-z2-7]{26}|[0-9a-f]{12}/\d+/[0-9a-f]{12}"
    r"|X'[0-9A-F]+'|[0-9a-f]{64}"
)
assert HANG_SECONDS > READ_TIMEOUT


class Lines:
    """Counts traced lines; kills this process at one of them, or says each time how many."""

    def __init__(self, kill_at: int | None, seen: Callable[[int], None] | None = None) -> None:
        self.count, self._kill_at, self._seen = 0, kill_at, seen

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(TRACED):
            return None
        if event == "line":
            self.count += 1
            if self.count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if self._seen is not None:
                self._seen(self.count)
        return self.trace


@dataclass
class Figures:
    """What the kills under one fault came to; people where it does not say otherwise."""

    fault: str
    lines: int = 0
    kills: int = 0
    leftovers: int = 0  # different ledgers and LINEs that the kills left
    finished: int = 0  # ways in which those were finished
    doubled: int = 0
    lost: int = 0
    unknown: int = 0  # flagged for a person
    unknown_arrived: int = 0


@dataclass
class Scene:
    """One clinic's night, and the means to kill it and to look at what is left."""

    folder: Path
    simulator: RunningSimulator
    builds: dict[str, Build] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = self.folder / "ledger.db"
        self.engine = open_ledger(f"sqlite:///{self.ledger}")
        self.rows = [  # a multicast and a push
            *plan_rows(PEOPLE[:2], "lapsed", 1, CLINIC.clinic_id),
            *plan_rows(PEOPLE[2:], "vaccine", 2, CLINIC.clinic_id),
        ]
        for day in (MONDAY, MONDAY + timedelta(days=1)):
            build = a_build(day, CLINIC.clinic_id)
            publish_night(self.folder / f"{day}.duckdb", build, self.rows)
            self.builds[str(day)] = build
        self.engine.dispose()
        shutil.copy(self.ledger, self.folder / "new.db")
        for _ in range(2):  # what is compiled here need not be in every child
            self.begin()
            self.night(TEN)
        self.engine.dispose()
        gc.collect()
        gc.freeze()

    @property
    def channel(self) -> Channel:
        return self.simulator.state.channel(CLINIC.clinic_id)

    def begin(self, fault: str = "") -> None:
        """Put ledger and LINE back to the start, with a fault waiting for the first message."""
        self._clear()
        shutil.copy(self.folder / "new.db", self.ledger)
        fresh = Channel(CLINIC.clinic_id, CLINIC.line.channel, friends=set(PEOPLE))
        fresh.faults = [fault] if fault else []
        self.simulator.state.channels[CLINIC.clinic_id] = fresh

    def night(self, now: datetime) -> None:
        """Plan and send the published night of a moment's day, in this process."""
        passed = [now]

        def sleep(seconds: float) -> None:
            passed[0] += timedelta(seconds=seconds)

        token = f"simulator:{CLINIC.clinic_id}"
        client = LineClient(self.simulator.base_url, token, timeouts=(2.0, READ_TIMEOUT))
        plan_night(self.engine, self.rows, self.builds[str(now.date())], now)
        deliver(
            self.engine,
            CLINIC,
            self.folder / f"{now.date()}.duckdb",
            {(row.line_user_id, row.patient_ids, row.purpose) for row in self.rows},
            MESSAGES,
            client,
            lambda: passed[0],
            sleep,
        )

    def run(self, now: datetime, kill_at: int | None = None) -> int | None:
        """Run a night in a child; return how many lines it executed, None when it was killed."""
        self.simulator.state.set_now(now)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            gc.disable()  # collecting what the parent has would copy all of its memory
            lines = Lines(kill_at)
            try:
                if kill_at is not None:
                    sys.settrace(lines.trace)
                self.night(now)
                sys.settrace(None)
                os.write(write, str(lines.count).encode())
                os._exit(0)
            except BaseException:  # noqa: BLE001 - the child must end here, whatever happened
                sys.settrace(None)
                traceback.print_exc()
                os._exit(70)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
        return int(said) if said else None

    def stretches(self, fault: str) -> list[range]:
        """Return the lines of a whole night, parted where what a kill would leave changes.

        The child stops at every line while the parent reads what any other process, after a
        kill too, finds there: the bytes of the ledger's files, and what LINE has seen.
        """
        self.begin(fault)
        self.simulator.state.set_now(TEN)
        (at_line, reached), (go, may_go) = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            gc.disable()

            def stop(_: int) -> None:
                os.write(reached, b".")
                os.read(go, 1)

            sys.settrace(Lines(None, stop).trace)
            self.night(TEN)
            os._exit(0)
        os.close(reached)
        marks = []
        while os.read(at_line, 1):
            marks.append(self._mark())
            os.write(may_go, b".")
        os.waitpid(child, 0)
        for end in (at_line, go, may_go):
            os.close(end)
        starts = [n for n, mark in enumerate(marks) if n == 0 or mark != marks[n - 1]]
        return [range(a + 1, b + 1) for a, b in pairwise([*starts, len(marks)])]

    def _mark(self) -> tuple[object, ...]:
        wal = Path(f"{self.ledger}-wal")
        log = wal.read_bytes() if wal.exists() else b""
        line = self.channel
        return self.ledger.read_bytes(), log, len(line.requests), len(line.inbox), len(line.faults)

    def settled(self) -> None:
        """Wait until LINE has dealt with a message that it was slow to take."""
        if any(each["fault"] == SLOW for each in self.channel.requests):
            time.sleep(SLOW_BY)

    def keep(self) -> tuple[str, Channel]:
        """Set aside what a kill left; return what tells it from others, and LINE as it was."""
        aside = self.folder / "aside"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for path in self.folder.glob("ledger.db*"):
            shutil.copy(path, aside / path.name)
        read = self.folder / "read"
        shutil.copytree(aside, read, dirs_exist_ok=True)
        con = sqlite3.connect(read / "ledger.db")
        text = "\n".join(con.iterdump())
        con.close()
        shutil.rmtree(read)
        line = copy.deepcopy(self.channel)
        names: dict[str, str] = {}
        plain = RANDOM.sub(
            lambda found: names.setdefault(found[0], f"#{len(names)}"),
            f"{text}\n{line.inbox}\n{line.requests}\n{line.keys}\n{line.faults}\n{line.units}",
        )
        return hashlib.sha256(plain.encode()).hexdigest(), line

    def restore(self, line: Channel, fault: str = "") -> None:
        """Put back what was set aside, with a fault waiting for the next message."""
        self._clear()
        for path in (self.folder / "aside").iterdir():
            shutil.copy(path, self.folder / path.name)
        again = copy.deepcopy(line)
        again.faults = [fault] if fault else []
        self.simulator.state.channels[CLINIC.clinic_id] = again

    def judge(self, figures: Figures, *, may_be_unknown: bool) -> None:
        """Add to the figures what the finished night came to: the ledger against the phones."""
        self.settled()
        proof = reconcile(self.engine, CLINIC.clinic_id)
        self.engine.dispose()
        copies = Counter(each["user"] for each in self.channel.inbox)
        figures.finished += 1
        figures.doubled += copies.total() - len(copies)
        done = proof.accepted + (proof.unknown if may_be_unknown else 0)
        silent = max(0, proof.accepted - len(copies))  # said to be sent, and there is no copy
        figures.lost += max(len(PEOPLE) - proof.planned, len(PEOPLE) - done, silent)
        figures.unknown += proof.unknown
        figures.unknown_arrived += len(copies) - proof.accepted

    def _clear(self) -> None:
        for path in self.folder.glob("ledger.db*"):
            path.unlink()


def finish(scene: Scene, line: Channel, again: Sequence[str], figures: Figures) -> None:
    """Finish what a kill left in every way, each from the same leftovers, and judge each.

    A minute later, under each fault of `again`; and the next day, when LINE has forgotten the keys.
    """
    for fault in dict.fromkeys(again):
        scene.restore(line, fault)
        for minutes in (1, 2):
            scene.run(TEN + timedelta(minutes=minutes))
        scene.judge(figures, may_be_unknown=False)
    scene.restore(line)
    for minutes in (0, 1):  # what had missed its window is planned again by the second
        scene.run(TEN + timedelta(days=1, hours=1, minutes=minutes))
    scene.judge(figures, may_be_unknown=True)


def kill_at(
    scene: Scene, fault: str, lines: list[int], again: Sequence[str], figures: Figures
) -> None:
    """Kill a night at each of these lines, finish what is left, and add to the figures.

    `again` are the faults with which LINE meets whoever finishes it.
    """
    known: set[str] = set()
    for line in lines:
        scene.begin(fault)
        figures.kills += scene.run(TEN, line) is None
        scene.settled()
        left, was = scene.keep()
        if left not in known:
            known.add(left)
            finish(scene, was, again, figures)
    figures.leftovers += len(known)
