"""A module that is loaded only when something of it is used."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


START = """
import sys
from dagster_project.checks.when_used import load_when_used
load_when_used("scipy", "stats")
"""
HEAVY = "print('scipy.stats._stats_py' in sys.modules)"


def test_great_expectations_does_not_load_what_it_does_not_use() -> None:
    code = "import pandas\nfrom dagster_project.checks.run import run_suite\n"
    # Twice, as a night does: what waits must not be loaded by being asked for again.
    code += 2 * "run_suite('segments', pandas.DataFrame({'subject': ['a'], 'members': [1]}))\n"
    assert run(f"import sys\n{code}assert 'great_expectations' in sys.modules\n{HEAVY}") == "False"


def test_it_is_loaded_when_used() -> None:
    assert run(f"{START}from scipy import stats\n{HEAVY}\nstats.norm\n{HEAVY}") == "False\nTrue"


def test_what_is_loaded_already_stays() -> None:
    code = "import sys\nfrom scipy import stats\nbefore = stats\n"
    code += f"{START}from scipy import stats\nprint(stats is before, stats.norm is before.norm)"
    assert run(code) == "True True"
