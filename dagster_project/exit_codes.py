"""What the exit code of a command tells: one meaning each, wherever it is given."""

OK = 0  # everything went well
FAILED = 1  # something broke, or cannot be done
STALE = 3  # exports were not accepted: yesterday's tags stand (2 is a wrong command line)
