"""The command as a process: what it says is said, and its status is its own."""

import subprocess
import sys


def run(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_command_ends_with_its_own_status_and_all_it_said() -> None:
    code, said, _ = run("-m", "dagster_project", "lint", "--help")
    assert (code, said.splitlines()[0]) == (0, "Usage: python -m dagster_project lint [OPTIONS]")
    code, _, said = run("-m", "dagster_project", "nothing")
    assert (code, said.splitlines()[-1]) == (2, "Error: No such command 'nothing'.")


def test_what_waits_for_the_end_is_done_and_what_broke_is_shown() -> None:
    begin = "import atexit, sys\nfrom dagster_project import __main__ as here\n"
    begin += "atexit.register(print, 'last')\n"
    assert run("-c", f"{begin}here.main = lambda: sys.exit(3)\nhere.run()") == (3, "last\n", "")
    code, said, wrong = run("-c", f"{begin}here.main = lambda: 1 / 0\nhere.run()")
    assert (code, said, wrong.splitlines()[-1]) == (
        1,
        "last\n",
        "ZeroDivisionError: division by zero",
    )
