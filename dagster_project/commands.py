"""What `tagline nightly`, `send` and `status` do: run the jobs, then say what came of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
from rich.console import Console

from dagster_project.clinic import Clinic, clinic_in
from dagster_project.clinics import each_clinic, fail
from dagster_project.definitions import definitions
from dagster_project.delivery.reconcile import reconcile
from dagster_project.delivery.waiting import is_waiting
from dagster_project.exit_codes import FAILED, OK, STALE
from dagster_project.ingest.landing import Landing
from dagster_project.insight.morning_page import morning_path
from dagster_project.insight.render import (
    render_checks,
    render_delivery,
    render_files,
    render_published,
)
from dagster_project.insight.report_page import report_path
from dagster_project.insight.standing import read_standing, render_standing
from dagster_project.insight.summary import read_published
from dagster_project.ledger.overrides import lapsed_on
from dagster_project.ledger.store import open_ledger
from dagster_project.publish import OtherLayoutError
from dagster_project.runner import BusyError, JobResult, open_instance, run_job
from dagster_project.settings import Settings, pretending
from dagster_project.simulator.beside import with_a_line

# Steps that judge the clinic's data; when one of their checks fails, our code did not.
JUDGES = {"warehouse_input", "plan_verdicts"}


def run_nightly(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Run a night for each clinic, send where the window is open, return the worst exit code.

    One clinic's bad export, bad clinic.yaml or failure never keeps another from its night.
    """
    began = time.monotonic()
    console.print(f"業務日 {settings.as_of()} (Asia/Tokyo)、送信先: {settings.line}")
    with _surroundings(settings) as (ready, instance):
        defs = definitions(ready)
        nightly, send = (defs.resolve_job_def(name) for name in ("nightly", "send"))

        def one(clinic: Clinic) -> int:
            here = pretending(ready, clinic.send_window.opens)
            night = run_job(nightly, here, instance, clinic.clinic_id, console)
            sent = None
            if night.is_ok and is_waiting(open_ledger(here.ledger()), clinic.clinic_id):
                sent = run_job(send, here, instance, clinic.clinic_id, console)
            _summarise(here, clinic, night, sent, console)
            return _verdict(sent or night)

        worst = _each(ready, chosen, console, one)
    console.print(f"所要 {time.monotonic() - began:.0f} 秒")
    return worst


def run_send(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Send what is planned for each clinic, if its gate is open; return the worst exit code."""
    with _surroundings(settings) as (ready, instance):
        job = definitions(ready).resolve_job_def("send")

        def one(clinic: Clinic) -> int:
            here = pretending(ready, clinic.send_window.opens)
            sent = run_job(job, here, instance, clinic.clinic_id, console)
            render_delivery(
                console, sent.delivery, reconcile(open_ledger(here.ledger()), clinic.clinic_id)
            )
            _render_errors(sent, console)
            night = read_published(here.published_path(clinic.clinic_id))
            is_stale = night is None or night.is_stale(here.as_of())
            return STALE if sent.is_ok and is_stale else _verdict(sent)

        return _each(ready, chosen, console, one)


def show_status(settings: Settings, chosen: Sequence[str], console: Console) -> int:
    """Print what is published and sent for each clinic; return STALE if any is not today's."""

    def one(clinic: Clinic) -> int:
        night = read_published(settings.published_path(clinic.clinic_id))
        _render_files(settings, clinic, console)
        if night is None:
            _render_standing(settings, clinic, console)
            console.print("[yellow]まだ公開された夜がありません[/]")
            return STALE
        is_today = not night.is_stale(settings.as_of())
        if not is_today:
            console.print(f"[yellow]古いデータ: {night.build.as_of} のタグのままです[/]")
        render_published(console, night)
        _render_standing(settings, clinic, console)
        render_delivery(console, None, reconcile(open_ledger(settings.ledger()), clinic.clinic_id))
        return OK if is_today else STALE

    return _each(settings, chosen, console, one)


def _each(
    settings: Settings, chosen: Sequence[str], console: Console, one: Callable[[Clinic], int]
) -> int:
    """Do one thing for each chosen clinic under its name; return the worst exit code."""

    def under_its_name(clinic_id: str) -> int:
        clinic = clinic_in(settings.exports_dir, clinic_id)
        console.rule(f"{clinic.name} ({clinic.clinic_id})")
        try:
            return one(clinic)
        except BusyError as error:
            return fail(console, str(error))

    return each_clinic(settings.exports_dir, chosen, console, under_its_name)


@contextmanager
def _surroundings(settings: Settings) -> Iterator[tuple[Settings, dg.DagsterInstance]]:
    """Open Dagster's history, and the simulator where it is the target and none is running."""
    with open_instance(settings) as instance, with_a_line(settings) as ready:
        yield ready, instance


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
    settings: Settings, clinic: Clinic, night: JobResult, sent: JobResult | None, console: Console
) -> None:
    _render_files(settings, clinic, console)
    render_checks(console, night.checks)
    try:
        published = read_published(settings.published_path(clinic.clinic_id))
    except OtherLayoutError as error:
        console.print(str(error), style="yellow", markup=False, soft_wrap=True)
        published = None
    if not night.is_ok:
        stands = f"{published.build.as_of} のタグのままです" if published else "公開はありません"
        console.print(f"[bold red]今夜の処理は止まりました。{stands}。何も送信していません。[/]")
        if _verdict(night) == FAILED:
            _render_errors(night, console)
    elif published:
        render_published(console, published)
        lapsed = lapsed_on(open_ledger(settings.ledger()), clinic.clinic_id, published.build.as_of)
        if lapsed:
            console.print(f"期限が切れた手入力のタグ: {lapsed} 件 (`tagline override list`)")
        sheet = morning_path(settings, clinic.clinic_id)
        console.print(f"朝の確認表: {sheet}", markup=False, highlight=False, soft_wrap=True)
        report = report_path(settings, clinic.clinic_id, published.build.as_of)
        console.print(f"配信の報告: {report}", markup=False, highlight=False, soft_wrap=True)
    if sent:
        _render_errors(sent, console)
    _render_standing(settings, clinic, console)
    delivery = sent.delivery if sent else None
    render_delivery(console, delivery, reconcile(open_ledger(settings.ledger()), clinic.clinic_id))


def _render_errors(result: JobResult, console: Console) -> None:
    for error in result.errors:
        console.print(f"[red]{error}[/]", highlight=False)


def _render_files(settings: Settings, clinic: Clinic, console: Console) -> None:
    render_files(console, Landing(settings.landing_dir() / clinic.clinic_id).sightings())


def _render_standing(settings: Settings, clinic: Clinic, console: Console) -> None:
    ledger = open_ledger(settings.ledger())
    path = settings.published_path(clinic.clinic_id)
    render_standing(console, read_standing(ledger, path, clinic.clinic_id, settings.now()))
