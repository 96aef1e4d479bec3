"""The words a person has for the sender. Each takes a name and a reason, and is in the audit."""

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


COMMANDS = (stop, resume, reset, retry)
