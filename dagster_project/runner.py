"""The Dagster jobs from a terminal: the same jobs, in this process, with progress shown."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import dagster as dg
from rich.console import Console
from rich.status import Status

from dagster_project.settings import Settings

PID = "tagline/pid"
# Dagster would print every event to the terminal; the history keeps them all.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class BusyError(Exception):
    """Another run of the same clinic is under way."""


@dataclass(frozen=True)
class JobResult:
    """How one job of one clinic ended, what its checks said, and what sending came to."""

    is_ok: bool
    errors: tuple[str, ...]
    checks: tuple[dg.AssetCheckEvaluation, ...]
    delivery: Mapping[str, object] | None  # the figures of line_delivery, if it ran


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Return Dagster's instance under data_dir, with runs that a kill left behind failed."""
    home = settings.dagster_home()
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), home / "dagster.yaml")
    # What a run plans is stored at once, before it starts.
    os.environ |= {"DAGSTER_HOME": str(home), "DAGSTER_EVENT_BATCH_SIZE": "1000"}
    instance = dg.DagsterInstance.get()
    _fail_orphans(instance)
    return instance


def run_job(
    job: dg.JobDefinition,
    settings: Settings,
    instance: dg.DagsterInstance,
    clinic_id: str,
    console: Console,
) -> JobResult:
    """Run one job for one clinic and return how it ended; a failed step does not raise.

    Raises BusyError when another terminal is running the same clinic.
    """
    run_id = str(uuid.uuid4())
    with only_one(settings, clinic_id), _progress(instance, run_id, clinic_id, console):
        result = job.execute_in_process(
            run_config=QUIET,
            instance=instance,
            partition_key=clinic_id,
            raise_on_error=False,
            run_id=run_id,
            tags={PID: str(os.getpid())},
            resources={"settings": settings},
        )
    failures = [_reason(event) for event in result.get_step_failure_events()]
    checks = tuple(result.get_asset_check_evaluations())
    return JobResult(result.success, tuple(failures), checks, _delivery(result))


def _delivery(result: dg.ExecuteInProcessResult) -> Mapping[str, object] | None:
    for event in result.get_asset_materialization_events():
        if event.asset_key == dg.AssetKey("line_delivery"):
            found = event.materialization.metadata
            return {name: value.value for name, value in found.items()}
    return None


def _reason(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    message = error.message.strip() if error is not None else "failed"
    return f"{event.step_key}: {message}"


@contextmanager
def only_one(settings: Settings, clinic_id: str) -> Iterator[None]:
    """Hold the clinic's lock; the kernel lets go of it however the process ends."""
    path = settings.data_dir / "work" / f"{clinic_id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"{clinic_id}: another run is under way; wait for it or stop it"
            raise BusyError(message) from error
        yield


@contextmanager
def _progress(
    instance: dg.DagsterInstance, run_id: str, clinic_id: str, console: Console
) -> Iterator[None]:
    """Show the step that is running, read from Dagster's own record of the run."""
    done = Event()
    with console.status(f"{clinic_id} ...") as status:
        watcher = Thread(target=_watch, args=(instance, run_id, clinic_id, status, done))
        if console.is_terminal:
            watcher.start()
        try:
            yield
        finally:
            done.set()
            if watcher.is_alive():
                watcher.join()


def _watch(
    instance: dg.DagsterInstance, run_id: str, clinic_id: str, status: Status, done: Event
) -> None:
    while not done.wait(0.5):
        steps = instance.get_run_step_stats(run_id)
        running = [step.step_key for step in steps if step.start_time and not step.end_time]
        finished = sum(1 for step in steps if step.end_time)
        status.update(f"{clinic_id}: {', '.join(running) or '...'} ({finished} steps done)")


def _fail_orphans(instance: dg.DagsterInstance) -> None:
    """Fail runs whose process is gone: Dagster only watches runs that it launched itself."""
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    for run in instance.get_runs(dg.RunsFilter(statuses=statuses)):
        pid = run.tags.get(PID)
        if pid and not Path(f"/proc/{pid}").exists():
            instance.report_run_failed(run, message="the process of this run is gone")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
