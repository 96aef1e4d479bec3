"""kill -9 at every line between plan and reconciled, under every fault of the simulator.

A kill leaves the ledger's files and what LINE has seen, nothing else. So the lines of a night are
enumerated, what a kill would leave is read at each, and where that changes begins a new stretch:
every stretch is killed for real, finished in every way, and judged. `make test-crash-matrix`
kills at every line for real.
"""

import gc
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from crash_lines import FAULTS, FIGURES, Figures, Scene, kill_at

from dagster_project.simulator import start

MEMORY = Path("/dev/shm")  # noqa: S108 - a kill leaves the same on any file system


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder, start() as running:
        yield Scene(Path(folder), running)
        gc.unfreeze()


def judged(scene: Scene, fault: str, lines: int, kills: list[int], again: Sequence[str]) -> Figures:
    figures = Figures(fault, lines)
    kill_at(scene, fault, kills, again, figures)
    assert figures.kills == len(kills), figures
    assert figures.doubled == 0, figures
    assert figures.lost == 0, figures
    return figures


def test_killed_wherever_a_kill_leaves_something_else(scene: Scene) -> None:
    fault = "accept_reset"
    stretches = scene.stretches(fault)
    assert len(stretches) > 12
    figures = judged(scene, fault, stretches[-1][-1], [each[0] for each in stretches], [""])
    assert figures.leftovers > 10
    assert figures.unknown > 0


@pytest.mark.crash
@pytest.mark.parametrize("fault", FAULTS)
def test_killed_in_every_stretch_under_every_fault(scene: Scene, fault: str) -> None:
    stretches = scene.stretches(fault)
    kills = sorted(
        {line for each in stretches for line in (each[0], each[len(each) // 2], each[-1])}
    )
    figures = judged(scene, fault, stretches[-1][-1], kills, ["", fault])
    FIGURES.mkdir(parents=True, exist_ok=True)
    written = FIGURES / f"{fault.partition(':')[0] or 'none'}.json"
    written.write_text(
        json.dumps(asdict(figures) | {"stretches": len(stretches)}), encoding="utf-8"
    )


@pytest.mark.crash_matrix
@pytest.mark.parametrize("fault", FAULTS)
def test_killed_at_every_line(scene: Scene, fault: str) -> None:
    lines = scene.stretches(fault)[-1][-1]
    judged(scene, fault, lines, list(range(1, lines + 1)), ["", fault])
