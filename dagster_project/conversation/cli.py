"""The words of the chat at a terminal: serve it, hand out codes, set its menu, forget somebody."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from dagster_project.conversation.codes import RELATIONS
from dagster_project.settings import Settings

console = Console()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Behind a TLS proxy.")
@click.option("--port", type=int, default=8788, show_default=True)
def webhook(host: str, port: int) -> None:
    """Receive LINE's webhooks: one URL a clinic, /webhook/CLINIC."""
    from dagster_project.conversation.serve import serve as serve_webhook  # noqa: PLC0415

    sys.exit(serve_webhook(Settings(), host, port, console))


@click.command("link-code")
@click.argument("patients", nargs=-1, required=True)
@click.option("--clinic", help="Whose patient; needed where there are several.")
@click.option(
    "--relation",
    type=click.Choice([*RELATIONS]),
    default="self",
    show_default=True,
    help="What the holder of the phone is to the patients that do not say it themselves.",
)
@click.option("--by", help="Who hands it over. Default: the login name.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: data_dir/pages/.")
def link_code(
    patients: Sequence[str], clinic: str | None, relation: str, by: str | None, out: Path | None
) -> None:
    """Print a sheet with a one-time code that links a LINE account to PATIENTS' charts.

    A patient may have a relation of their own: 00123:self 00124:parent, for a parent and a child.
    """
    from dagster_project.conversation.sheet import run_link_code  # noqa: PLC0415

    sys.exit(run_link_code(Settings(), clinic, patients, relation, by, out, console))


@click.command()
@click.argument("patient")
@click.option("--clinic", help="Whose patient; needed where there are several.")
@click.option("--by", required=True, help="Who does it; on the certificate.")
@click.option("--reason", help="Why, naming nobody; it stays in the ledger.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: data_dir/certificates/.")
@click.confirmation_option(prompt="元に戻せません。消去しますか / this cannot be undone: go on?")
def forget(patient: str, clinic: str | None, by: str, reason: str | None, out: Path | None) -> None:
    """Remove PATIENT everywhere, keep them out for good, and print a certificate."""
    from dagster_project.forget.command import run_forget  # noqa: PLC0415

    sys.exit(run_forget(Settings(), clinic, patient, by, reason, out, console))


@click.command()
@click.option("--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several.")
def richmenu(clinics: Sequence[str]) -> None:
    """Set the menu under the chat (予約・問診・配信設定・連絡先) where it is not set yet."""
    from dagster_project.conversation.menu import run_rich_menu  # noqa: PLC0415

    sys.exit(run_rich_menu(Settings(), clinics, console))


COMMANDS = (webhook, link_code, forget, richmenu)
