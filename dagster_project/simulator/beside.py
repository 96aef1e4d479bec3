"""A simulator for as long as something runs, where it is the target and none is running."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster_project.settings import Settings
from dagster_project.simulator.server import start


@contextmanager
def with_a_line(settings: Settings) -> Iterator[Settings]:
    """Yield settings by which LINE, or a simulator, is reached."""
    if settings.line == "live" or settings.simulator_url:
        yield settings
        return
    with start(settings.data_dir / "simulator") as simulator:
        yield settings.model_copy(update={"simulator_url": simulator.base_url})
