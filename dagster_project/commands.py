"""What `tagline nightly`, `send` and `status` do: run the jobs, then say what came of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
from rich.console import Console

from dagster_project.clinic import Clinic, load_clinics
from dagster_project.definitions import definitions
from dagster_project.delivery.reconcile import reconcile
from dagster_project.ingest.landing import Landing
from dagster_project.insight.render import (
    render_checks,
    render_delivery,
    render_files,
    render_published,
)
from dagster_project.insight.summary import read_published
from dagster_project.ledger.store import open_ledger
from dagster_project.runner import JobResult, open_instance, run_job
from dagster_project.settings import Settings, at_opening
from dagster_project.simulator import start

OK, FAILED, STALE = 0, 1, 3
# Steps that judge the clinic's data; when one of their checks fails, our code did not.
JUDGES = {"warehouse_input", "plan_verdicts"}


def run_nightly(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Run a night for each clinic, send where the window is open, return the worst exit code.

    One clinic's bad export or failure never keeps another clinic from its night.
    """
    began = time.monotonic()
    console.print(f"業務日 {settings.as_of()} (Asia/Tokyo)、送信先: {settings.line}")
    codes = []
    with _surroundings(settings) as (ready, instance):
        defs = definitions(ready)
        for clinic in _clinics(ready, chosen):
            console.rule(f"{clinic.name} ({clinic.clinic_id})")
            here = _at(ready, clinic)
            job = defs.resolve_job_def("nightly")
            night = run_job(job, here, instance, clinic.clinic_id, console)
            code = _verdict(night)
            if code == OK:
                send = defs.resolve_job_def("send")
                sent = run_job(send, here, instance, clinic.clinic_id, console)
                code = _verdict(sent)
                night = JobResult(sent.is_ok, sent.errors, (*night.checks, *sent.checks))
            _summarise(here, clinic, night, code, console)
            codes.append(code)
    console.print(f"所要 {time.monotonic() - began:.0f} 秒")
    return max(codes, default=FAILED)


def run_send(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Send what is planned for each clinic, if its gate is open; return the worst exit code."""
    codes = []
    with _surroundings(settings) as (ready, instance):
        job = definitions(ready).resolve_job_def("send")
        for clinic in _clinics(ready, chosen):
            console.rule(f"{clinic.name} ({clinic.clinic_id})")
            here = _at(ready, clinic)
            sent = run_job(job, here, instance, clinic.clinic_id, console)
            codes.append(_verdict(sent))
            render_delivery(console, reconcile(open_ledger(here.ledger()), clinic.clinic_id))
            for error in sent.errors:
                console.print(f"[red]{error}[/]", highlight=False)
    return max(codes, default=FAILED)


def show_status(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Print what is published and sent for each clinic; return STALE if any is not today's."""
    codes = []
    for clinic in _clinics(settings, chosen):
        console.rule(f"{clinic.name} ({clinic.clinic_id})")
        night = read_published(settings.published_path(clinic.clinic_id))
        is_today = night is not None and not night.is_stale(settings.as_of())
        codes.append(OK if is_today else STALE)
        _render_files(settings, clinic, console)
        if night is None:
            console.print("[yellow]まだ公開された夜がありません[/]")
            continue
        if not is_today:
            console.print(f"[yellow]古いデータ: {night.build.as_of} のタグのままです[/]")
        render_published(console, night)
        render_delivery(console, reconcile(open_ledger(settings.ledger()), clinic.clinic_id))
    return max(codes, default=FAILED)


@contextmanager
def _surroundings(settings: Settings) -> Iterator[tuple[Settings, dg.DagsterInstance]]:
    """Open Dagster's history, and the simulator where it is the target and none is running."""
    instance = open_instance(settings)
    if settings.line == "live" or settings.simulator_url:
        yield settings, instance
        return
    with start(settings.data_dir / "simulator") as simulator:
        yield settings.model_copy(update={"simulator_url": simulator.base_url}), instance


def _at(settings: Settings, clinic: Clinic) -> Settings:
    """Let a run for a recorded or given day happen when that day's window opens.

    Only towards the simulator: live runs have the real clock and no other.
    """
    is_today = settings.as_of() == settings.now().date()
    if settings.line == "live" or settings.at or is_today:
        return settings
    return settings.model_copy(
        update={"at": at_opening(settings.as_of(), clinic.send_window.opens)}
    )


def _clinics(settings: Settings, chosen: Sequence[str]) -> list[Clinic]:
    clinics = load_clinics(settings.exports_dir)
    return [clinic for clinic in clinics if not chosen or clinic.clinic_id in chosen]


def _verdict(result: JobResult) -> int:
    if result.is_ok:
        return OK
    judged = [
        check
        for check in result.checks
        if not check.passed
        and check.severity is dg.AssetCheckSeverity.ERROR
        and check.asset_key.path[-1] in JUDGES
    ]
    return STALE if judged else FAILED


def _summarise(
    settings: Settings, clinic: Clinic, night: JobResult, code: int, console: Console
) -> None:
    _render_files(settings, clinic, console)
    render_checks(console, night.checks)
    published = read_published(settings.published_path(clinic.clinic_id))
    if code != OK:
        stands = f"{published.build.as_of} のタグのままです" if published else "公開はありません"
        console.print(f"[bold red]今夜は公開していません。{stands}。何も送信していません。[/]")
        for error in night.errors if code == FAILED else ():
            console.print(f"[red]{error}[/]", highlight=False)
        return
    if published:
        render_published(console, published)
    render_delivery(console, reconcile(open_ledger(settings.ledger()), clinic.clinic_id))


def _render_files(settings: Settings, clinic: Clinic, console: Console) -> None:
    render_files(console, Landing(settings.landing_dir() / clinic.clinic_id).sightings())
