"""kill -9 anywhere between plan and commit: never twice, never silently lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_harness import Figures, flagged, run_trial
from crash_lines import FIGURES

from dagster_project.simulator import RunningSimulator, start

LONG_TRIALS = 200
SHORT_TRIALS = 10


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start() as running:
        yield running


def judge(seeds: range, folder: Path, simulator: RunningSimulator) -> Figures:
    total = Figures()
    for seed in seeds:
        figures = run_trial(seed, f"sqlite:///{folder / f'{seed}.db'}", simulator)
        fates = figures.fates
        assert figures.doubled == 0, f"seed {seed}: somebody got an occurrence twice"
        assert figures.lost == 0, f"seed {seed}: the ledger and the phones differ"
        assert figures.replays == 0, f"seed {seed}: a retry had other bytes than its original"
        assert fates["planned"] == fates["accepted"] + flagged(fates), f"seed {seed}"
        assert fates["pending"] == 0, f"seed {seed}: something is still under way"
        total += figures
    return total


def test_ten_killed_weeks(tmp_path: Path, simulator: RunningSimulator) -> None:
    total = judge(range(SHORT_TRIALS), tmp_path, simulator)
    assert total.kills > SHORT_TRIALS
    # Where hardly anything leaves, nothing is proven: a tripped breaker would make every week safe.
    assert total.fates["accepted"] > total.fates["planned"] / 5


@pytest.mark.crash
def test_two_hundred_killed_weeks(tmp_path: Path, simulator: RunningSimulator) -> None:
    total = judge(range(1000, 1000 + LONG_TRIALS), tmp_path, simulator)
    assert total.kills > LONG_TRIALS
    # The hard ends were all reached: without them the trials would prove little.
    assert all(total.fates[fate] for fate in ("accepted", "expired", "skipped", "unknown"))
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / "weeks.json").write_text(json.dumps(vars(total)), encoding="utf-8")
