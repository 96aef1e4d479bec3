"""What something costs: a command in a process of its own, or a step in this one."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TAGLINE = str(Path(sys.executable).with_name("tagline"))


@dataclass(frozen=True)
class Cost:
    """Seconds and megabytes of one command and all its children."""

    wall: float
    cpu: float
    peak_mb: float


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command and return what it cost. Raises CalledProcessError with its output."""
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def cost_here(name: str, do: Callable[[], object]) -> float:
    """Print and return the CPU seconds of a step in this process, and print its wall time."""
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    cpu = time.process_time() - cpu
    print(f"{name:32} {cpu:6.2f} s CPU  {time.perf_counter() - wall:6.2f} s")
    return cpu
