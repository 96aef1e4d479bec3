"""A job that failed is told to staff at once: which step, and which check or error stopped it."""

import hashlib

import dagster as dg

from dagster_project.alerts import deliver_now
from dagster_project.clinic import ClinicError, clinic_in
from dagster_project.delivery.channel import WrongChannelError
from dagster_project.ledger.alerts import write_alert
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.line.credentials import CredentialError
from dagster_project.line.messages import MessageError
from dagster_project.line.reach import NoSimulatorError
from dagster_project.publish import NotPublishableError

JOBS_JA = {
    "nightly": "夜の処理",
    "send": "送信",
    "sweep": "送信の後始末",
    "morning": "朝の確認",
}
# Their texts are ours and hold no cell of an export; of any other error only its name is told.
OURS = (
    ClinicError,
    CredentialError,
    MessageError,
    NoSimulatorError,
    NotPublishableError,
    WrongChannelError,
)
LONGEST = 400  # letters of a reason


@dg.failure_hook(required_resource_keys={"settings"})
def tell_failure(context: dg.HookContext) -> None:
    """Write an alert of a failed step, once a business day for each reason, and carry it."""
    run = context.instance.get_run_by_id(context.run_id)
    clinic_id = run.tags.get("dagster/partition") if run else None
    if run is None or clinic_id is None:
        return
    settings = context.resources.settings
    what = f"{JOBS_JA.get(run.job_name, run.job_name)}が {context.step_key} で止まりました"
    said = f"{settings.as_of()}: {what}。{_why(context)}"
    subject = f"{settings.as_of()} {hashlib.sha256(said.encode()).hexdigest()[:12]}"
    text = f"{said} (`tagline status`、実行 {run.run_id[:8]})"
    with writing(open_ledger(settings.ledger()), clinic_id) as con:
        write_alert(con, settings.now(), clinic_id, "failed", subject, text)
    try:
        deliver_now(settings, clinic_in(settings.exports_dir, clinic_id))
    except ClinicError:
        return  # who is to be told stands in the very file; `tagline status` shows it


def _why(context: dg.HookContext) -> str:
    failed = _failed_checks(context)
    if failed:
        return f"不合格の検査: {'、'.join(failed)}"
    error = context.op_exception
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, dg.Failure):
        return str(error.description)[:LONGEST]
    return str(error)[:LONGEST] if isinstance(error, OURS) else type(error).__name__


def _failed_checks(context: dg.HookContext) -> list[str]:
    """Return the checks that stopped the step, each with what it is for; never what it found."""
    done = context.instance.all_logs(
        context.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    events = [each.dagster_event for each in done if each.dagster_event is not None]
    return [
        f"{check.check_name} ({check.description})"
        for check in (
            event.asset_check_evaluation_data
            for event in events
            if event.step_key == context.step_key
        )
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    ]
