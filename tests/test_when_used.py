"""A module that is loaded only when something of it is used."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


START = """
import sys
from dagster_project.checks.when_used import load_when_used
load_when_used("scipy.stats")
"""
HEAVY = "print('scipy.stats._stats_py' in sys.modules)"


def test_great_expectations_does_not_load_what_it_does_not_use() -> None:
    code = "import pandas\nfrom dagster_project.checks.run import run_suite\n"
    # Twice, as a night does: what waits must not be loaded by being asked for again.
    code += 2 * "run_suite('segments', pandas.DataFrame({'subject': ['a'], 'members': [1]}))\n"
    # dbt does this between the two suites of a night: it asks every module for its file.
    code += "import inspect\ninspect.stack()\n"
    code += "assert 'great_expectations' in sys.modules\nprint('altair.expr' in sys.modules)\n"
    assert run(f"import sys\n{code}{HEAVY}") == "False\nFalse"


def test_it_is_loaded_when_used() -> None:
    assert run(f"{START}from scipy import stats\n{HEAVY}\nstats.norm\n{HEAVY}") == "False\nTrue"


def test_a_module_of_it_can_be_imported_and_is_the_real_one() -> None:
    code = "import scipy.stats.distributions as d\nimport scipy.stats\nfrom scipy import stats\n"
    code += "print(d.norm is scipy.stats.norm is stats.norm, stats is sys.modules['scipy.stats'])"
    assert run(f"{START}{code}") == "True True"


def test_what_is_loaded_already_stays() -> None:
    code = "import sys\nfrom scipy import stats\nbefore = stats\n"
    code += f"{START}from scipy import stats\nprint(stats is before, stats.norm is before.norm)"
    assert run(code) == "True True"
