"""A LINE stand-in that anyone can run: friends, quota, retry keys, faults, an inbox per user.

It keeps what LINE keeps and forgets nothing, so that "how many copies did this
person see" has one answer. Nothing here is used when a clinic is live.
"""

from dagster_project.simulator.server import RunningSimulator, run_forever, start

__all__ = ["RunningSimulator", "run_forever", "start"]
