"""The words a person has for the sender. What changes anything takes a name and is in the audit."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from dagster_project.settings import Settings

if TYPE_CHECKING:
    from dagster_project.ledger.dead_letters import Decision

console = Console()
Command = Callable[..., Any]


def _who_and_why(command: Command) -> Command:
    for option in (
        click.option("--reason", required=True, help="Why; it stays in the ledger."),
        click.option("--by", required=True, help="Who says so."),
    ):
        command = option(command)
    return command


clinics_option = click.option(
    "--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several."
)


@click.command()
@clinics_option
@_who_and_why
def stop(clinics: Sequence[str], by: str, reason: str) -> None:
    """Stop all sending at once, until `tagline resume`."""
    from dagster_project.controls.commands import stop as do  # noqa: PLC0415 - SQLAlchemy is slow

    sys.exit(do(Settings(), clinics, by, reason, console))


@click.command()
@clinics_option
@_who_and_why
def resume(clinics: Sequence[str], by: str, reason: str) -> None:
    """Let sending go on after `tagline stop`."""
    from dagster_project.controls.commands import resume as do  # noqa: PLC0415

    sys.exit(do(Settings(), clinics, by, reason, console))


@click.command()
@clinics_option
@_who_and_why
def reset(clinics: Sequence[str], by: str, reason: str) -> None:
    """Reset the circuit breaker of a channel, after somebody has looked why it tripped."""
    from dagster_project.controls.commands import reset as do  # noqa: PLC0415

    sys.exit(do(Settings(), clinics, by, reason, console))


@click.command()
@clinics_option
def preflight(clinics: Sequence[str]) -> None:
    """Ask LINE whether each clinic could send now: token, quota, webhook, texts; sends nothing."""
    from dagster_project.insight.preflight import run_preflight  # noqa: PLC0415

    sys.exit(run_preflight(Settings(), clinics, console))


@click.command()
@click.argument("batch", required=False)
@click.option("--clinic", help="Whose batch; needed where there are several.")
@click.option("--by", default="", help="Who decides.")
@click.option("--reason", default="", help="Why; it stays in the ledger.")
@click.option(
    "--resend", "decision", flag_value="resend", help="Send it again; it may then arrive twice."
)
@click.option("--drop", "decision", flag_value="drop", help="Leave it; it may never have arrived.")
def retry(
    batch: str | None, clinic: str | None, by: str, reason: str, decision: "Decision | None"
) -> None:
    """List the batches nobody knows the fate of, or decide on BATCH: --resend or --drop."""
    from dagster_project.controls import commands  # noqa: PLC0415

    if batch is None:
        sys.exit(commands.dead_letters(Settings(), [clinic] if clinic else [], console))
    if decision is None:
        raise click.UsageError("say --resend or --drop")
    sys.exit(commands.retry(Settings(), clinic, batch, decision, by, reason, console))


clinic_option = click.option("--clinic", help="Which clinic; needed where there are several.")


@click.command()
@click.option("--patient", help="Whom not to write to, by 診察券番号.")
@click.option("--campaign", help="What not to send.")
@click.option("--withdraw", "is_withdrawn", is_flag=True, help="End the veto.")
@clinic_option
@_who_and_why
def veto(
    patient: str | None,
    campaign: str | None,
    clinic: str | None,
    by: str,
    reason: str,
    *,
    is_withdrawn: bool,
) -> None:
    """Keep messages from one patient, or of one campaign, until the veto is withdrawn."""
    from dagster_project.controls.veto import veto as do  # noqa: PLC0415

    settings = Settings()
    sys.exit(
        do(settings, clinic, patient, campaign, by, reason, console, is_withdrawn=is_withdrawn)
    )


@click.command()
@click.argument("campaign")
@clinic_option
@click.option("--by", required=True, help="Who approves; not the campaign's owner.")
@click.option("--people", type=int, help="How many it may be for tonight, if a check asks.")
def approve(campaign: str, clinic: str | None, by: str, people: int | None) -> None:
    """Approve what CAMPAIGN says now: needed before new or changed content is sent live."""
    from dagster_project.controls.veto import approve as do  # noqa: PLC0415

    sys.exit(do(Settings(), clinic, campaign, by, console, people))


COMMANDS = (preflight, stop, resume, reset, retry, veto, approve)
