"""The words of `tagline override`."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click
from rich.console import Console

from dagster_project.settings import Settings

if TYPE_CHECKING:
    from dagster_project.overrides.commands import Why

console = Console()
Command = Callable[..., Any]
DAY = click.DateTime(["%Y-%m-%d"])
clinic_option = click.option("--clinic", help="Whose patient; needed where there are several.")
by_option = click.option("--by", help="Who says so. Default: the login name.")
as_of_option = click.option(
    "--as-of", type=DAY, help="Business day. Default: exports/business_day, else today."
)


class Said(TypedDict):
    """The options of every command that makes overrides."""

    reason: str | None
    until: datetime | None
    by: str | None
    clinic: str | None
    as_of: datetime | None


@click.group()
def override() -> None:
    """Add or remove a tag of one patient by hand, with a reason and a last day."""


def _why(command: Command) -> Command:
    """Give a command the options every override needs; the ledger refuses without them."""
    for option in (
        as_of_option,
        clinic_option,
        by_option,
        click.option("--until", type=DAY, help="The last day it counts, at most 400 days away."),
        click.option("--reason", help="Why; it stays in the ledger and is never sent."),
    ):
        command = option(command)
    return command


@override.command()
@click.argument("patient")
@click.argument("tag")
@_why
def add(patient: str, tag: str, **said: Unpack[Said]) -> None:
    """Give PATIENT the TAG, by its name or Japanese label."""
    from dagster_project.overrides.commands import change  # noqa: PLC0415 - SQLAlchemy is slow

    settings, clinic, why = _read(said)
    sys.exit(change(settings, clinic, "add", patient, tag, why, console))


@override.command()
@click.argument("patient")
@click.argument("tag")
@_why
def remove(patient: str, tag: str, **said: Unpack[Said]) -> None:
    """Take the TAG from PATIENT, whatever the rule says."""
    from dagster_project.overrides.commands import change  # noqa: PLC0415

    settings, clinic, why = _read(said)
    sys.exit(change(settings, clinic, "remove", patient, tag, why, console))


@override.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_why
def import_(file: Path, **said: Unpack[Said]) -> None:
    """Add the tags of another tool: a CSV with 診察券番号 and タグ, all of it or nothing."""
    from dagster_project.overrides.commands import import_old_tags  # noqa: PLC0415

    settings, clinic, why = _read(said)
    sys.exit(import_old_tags(settings, clinic, file, why, console))


@override.command()
@click.argument("override_id", metavar="ID", type=int)
@by_option
@as_of_option
def withdraw(override_id: int, by: str | None, as_of: datetime | None) -> None:
    """End the override ID before its last day."""
    from dagster_project.overrides import commands  # noqa: PLC0415

    sys.exit(commands.withdraw(_settings(as_of), override_id, by, console))


@override.command("list")
@click.option("--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several.")
@as_of_option
def list_(clinics: Sequence[str], as_of: datetime | None) -> None:
    """Show who has what by hand, why and until when; also what lapsed or was withdrawn."""
    from dagster_project.overrides.commands import show  # noqa: PLC0415

    sys.exit(show(_settings(as_of), clinics, console))


def _read(said: Said) -> "tuple[Settings, str | None, Why]":
    from dagster_project.overrides.commands import Why  # noqa: PLC0415

    until = said["until"].date() if said["until"] else None
    return _settings(said["as_of"]), said["clinic"], Why(said["reason"], until, said["by"])


def _settings(as_of: datetime | None) -> Settings:
    return Settings(business_day=as_of.date()) if as_of else Settings()
