"""`tagline`, and `python -m dagster_project`: a command, and out at once when it has ended."""

import atexit
import gc
import os
import sys
from contextlib import suppress

# Python looks for garbage among all objects again and again while their number grows. What Dagster
# and dbt load and parse stays, so that most of these searches find nothing: look less often.
OBJECTS = 100_000  # between two searches, of the newest; Python's own number is 700
gc.set_threshold(OBJECTS)

from dagster_project.cli import main  # noqa: E402 - the imports are part of it


def run() -> None:
    """Run the command and end the process with its status.

    What Python does last, a search of every object for garbage, took a tenth of a night's CPU
    after Dagster and dbt. By then all is written: files are closed by whoever opened them, and
    what was left for the end is still done.
    """
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code
    atexit._run_exitfuncs()  # nothing public asks for them
    with suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


if __name__ == "__main__":
    run()
