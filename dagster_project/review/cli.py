"""The words of `tagline review`."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

import click
from rich.console import Console

from dagster_project.settings import Settings

if TYPE_CHECKING:
    from dagster_project.ledger.tag_decisions import Action

console = Console()
DAY = click.DateTime(["%Y-%m-%d"])
as_of_option = click.option(
    "--as-of", type=DAY, help="Business day. Default: exports/business_day, else today."
)


@click.group(invoke_without_command=True)
@click.option("--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several.")
@as_of_option
@click.pass_context
def review(context: click.Context, clinics: Sequence[str], as_of: datetime | None) -> None:
    """Show which tags their owners should look at again, with the numbers and what to do."""
    if context.invoked_subcommand is None:
        from dagster_project.review.commands import show  # noqa: PLC0415 - SQLAlchemy is slow

        sys.exit(show(_settings(as_of), clinics, console))


@review.command()
@click.option("--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several.")
@as_of_option
def answers(clinics: Sequence[str], as_of: datetime | None) -> None:
    """List the patients whose own answer the record speaks against, with both values."""
    from dagster_project.review.answers import show_answers  # noqa: PLC0415

    sys.exit(show_answers(_settings(as_of), clinics, console))


@review.command()
@click.argument("tag")
@click.argument("action", type=click.Choice(["keep", "merge", "retire"]))
@click.option("--reason", help="Why; it stays in the ledger.")
@click.option("--by", help="Who says so. Default: the login name.")
@click.option("--into", metavar="TAG", help="The tag that takes it in; with merge.")
@click.option("--until", type=DAY, help="Silent to this day; with keep. Default: next review.")
@as_of_option
def decide(
    tag: str,
    action: str,
    reason: str | None,
    by: str | None,
    into: str | None,
    until: datetime | None,
    as_of: datetime | None,
) -> None:
    """Record that TAG, by name or Japanese label, is kept, merged or retired at every clinic."""
    from dagster_project.review.commands import Wish, record  # noqa: PLC0415

    last: date | None = until.date() if until else None
    wish = Wish(tag, cast("Action", action), reason, by, into, last)
    sys.exit(record(_settings(as_of), wish, console))


def _settings(as_of: datetime | None) -> Settings:
    return Settings(business_day=as_of.date()) if as_of else Settings()
