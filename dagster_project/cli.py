"""`tagline ...`: the jobs of Dagster, for people at a terminal."""

import gc
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import click
from rich.console import Console

from dagster_project.backtest.cli import backtest
from dagster_project.controls.cli import COMMANDS as CONTROLS
from dagster_project.conversation.cli import COMMANDS as TALK
from dagster_project.insight.cli import COMMANDS as INSIGHT
from dagster_project.overrides.cli import override
from dagster_project.review.cli import review
from dagster_project.settings import Settings

console = Console()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """EMR exports in, patient tags in SQL, one relevant LINE message out."""
    # dbt and Dagster make millions of small objects that live; looking through them over and
    # over for garbage cost a night 6 % of its CPU.
    gc.set_threshold(1_000_000, 20, 100)
    # No tool of the stack calls home, whatever its own default is.
    os.environ.update(
        DO_NOT_TRACK="1", DBT_SEND_ANONYMOUS_USAGE_STATS="false", GX_ANALYTICS_ENABLED="false"
    )


main.add_command(override)
for each in (*CONTROLS, *TALK, *INSIGHT):
    main.add_command(each)
main.add_command(review)
main.add_command(backtest)

clinic_option = click.option(
    "--clinic", "clinics", multiple=True, help="Only this clinic; repeat for several."
)
DAY = click.DateTime(["%Y-%m-%d"])
as_of_option = click.option(
    "--as-of",
    type=DAY,
    help="Business day in Asia/Tokyo. Default: exports/business_day, else today.",
)


@main.command()
@clinic_option
@as_of_option
def nightly(clinics: Sequence[str], as_of: datetime | None) -> None:
    """Run the night: exports, tags, checks, publish, plan; send if the window is open."""
    from dagster_project.commands import run_nightly  # noqa: PLC0415 - Dagster takes seconds

    sys.exit(run_nightly(_settings(as_of), clinics, console))


@main.command()
@clinic_option
@as_of_option
def send(clinics: Sequence[str], as_of: datetime | None) -> None:
    """Send what is planned and published, if it is today's and the window is open."""
    from dagster_project.commands import run_send  # noqa: PLC0415

    sys.exit(run_send(_settings(as_of), clinics, console))


@main.command()
@clinic_option
@as_of_option
def status(clinics: Sequence[str], as_of: datetime | None) -> None:
    """Say what is published for each clinic, whether it is stale, and what was sent."""
    from dagster_project.commands import show_status  # noqa: PLC0415

    sys.exit(show_status(_settings(as_of), clinics, console))


@main.command()
@click.argument("patient")
@click.option("--tag", help="Only this tag.")
@click.option("--campaign", help="Only this campaign.")
@click.option("--consents", is_flag=True, help="Instead, every consent with its proof.")
@clinic_option
@as_of_option
def explain(
    patient: str,
    tag: str | None,
    campaign: str | None,
    consents: bool,
    clinics: Sequence[str],
    as_of: datetime | None,
) -> None:
    """Say why PATIENT has or lacks a tag, and why a message did or did not go."""
    from dagster_project.insight.ask import ask, ask_consents  # noqa: PLC0415

    if consents:
        sys.exit(ask_consents(Settings(), clinics, patient, console))
    day = as_of.date() if as_of else None
    sys.exit(ask(Settings(), clinics, patient, tag, campaign, day, console))


@main.command()
@clinic_option
@as_of_option
def morning(clinics: Sequence[str], as_of: datetime | None) -> None:
    """Write what goes out this morning, to whom and why, as one page for each clinic."""
    from dagster_project.insight.morning_command import run_morning  # noqa: PLC0415

    sys.exit(run_morning(_settings(as_of), clinics, console))


@main.command()
@as_of_option
def lint(as_of: datetime | None) -> None:
    """Say what is wrong in the tags, segments and messages; reads files only."""
    from dagster_project.authoring.lint import run_lint  # noqa: PLC0415

    sys.exit(run_lint(_settings(as_of), console))


@main.group()
def new() -> None:
    """Begin something new from a skeleton that builds."""


@new.command("tag")
@click.argument("name")
@click.option("--family", required=True, help="A folder of dbt/models/tags/, or a new one.")
@click.option("--label", help="What staff call it, in Japanese.")
@as_of_option
def new_tag(name: str, family: str, label: str | None, as_of: datetime | None) -> None:
    """Write the files of a tag NAME (what is true of the patient) and list it."""
    from dagster_project.authoring.new_tag import run_new_tag  # noqa: PLC0415

    sys.exit(run_new_tag(_settings(as_of), name, family, label, console))


@new.command("campaign")
@click.argument("name")
@click.option("--tag", help="The tag of the people it is for; else its author names one.")
@click.option("--label", help="What staff call it, in Japanese.")
def new_campaign(name: str, tag: str | None, label: str | None) -> None:
    """Write the folder of a campaign NAME (who, when, what) and list it."""
    from dagster_project.authoring.new_campaign import run_new_campaign  # noqa: PLC0415

    sys.exit(run_new_campaign(_settings(None), name, tag, label, console))


@main.command()
@as_of_option
@click.option("--out", type=click.Path(path_type=Path), help="Default: data_dir/pages/tags.html.")
def catalog(as_of: datetime | None, out: Path | None) -> None:
    """Write every tag, its rule, examples and counts as one page for staff."""
    from dagster_project.authoring.catalog import run_catalog  # noqa: PLC0415

    sys.exit(run_catalog(_settings(as_of), out, console))


@main.command()
@click.argument("tag", required=False)
@clinic_option
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
def preview(tag: str | None, clinics: Sequence[str], markdown: bool) -> None:
    """Say what the edited rules, or TAG, would change; nothing is written or sent."""
    from dagster_project.preview.command import run_preview  # noqa: PLC0415 - dbt takes seconds

    sys.exit(run_preview(Settings(), tag, clinics, console, markdown=markdown))


@main.command()
@click.option("--from", "start", type=DAY, required=True, help="The first day.")
@click.option("--to", "end", type=DAY, required=True, help="The last day.")
@clinic_option
def replay(start: datetime, end: datetime, clinics: Sequence[str]) -> None:
    """Build past nights again, aside, and say whether the tags are as published then."""
    from dagster_project.replay.command import run_replay  # noqa: PLC0415 - dbt takes seconds

    sys.exit(run_replay(Settings(), clinics, start.date(), end.date(), console))


@main.command()
@click.argument("campaign")
@click.option("--nights", type=click.IntRange(min=1), default=180, show_default=True)
@click.option("--patients", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@as_of_option
def simulate(campaign: str, nights: int, patients: int, seed: int, as_of: datetime | None) -> None:
    """Say what CAMPAIGN would do to invented patients, night by night; nothing is sent."""
    from dagster_project.simulate.command import run_simulate  # noqa: PLC0415 - dbt takes seconds

    sys.exit(run_simulate(_settings(as_of), campaign, nights, patients, seed, console))


@main.command()
@click.option("--patients", type=click.IntRange(min=50), default=120, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@as_of_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("exports"), show_default=True)
def sample(patients: int, seed: int, as_of: datetime | None, out: Path) -> None:
    """Write invented clinics, and the truth about their tags, into a folder."""
    from dagster_project.sample import write_sample  # noqa: PLC0415

    day = as_of.date() if as_of else Settings(exports_dir=out).as_of()
    write_sample(out, patients=patients, seed=seed, as_of=day)
    console.print(f"{out}: {patients} patients a clinic, seed {seed}, as of {day}")


@main.command()
@clinic_option
@click.option("--texts-for", "reader", metavar="NAME", help="Also their own words, for NAME.")
def voice(clinics: Sequence[str], reader: str | None) -> None:
    """Show what patients answered, by question; small groups are not shown."""
    from dagster_project.insight.voice import show_voice  # noqa: PLC0415

    sys.exit(show_voice(Settings(), clinics, reader, console))


@main.command()
@click.option("--port", type=int, default=8787, show_default=True)
def simulator(port: int) -> None:
    """Run the LINE stand-in alone; its page shows what every user received."""
    from dagster_project.simulator import run_forever  # noqa: PLC0415

    console.print(f"LINE simulator: http://127.0.0.1:{port}/")
    run_forever(port, Settings().data_dir / "simulator", Settings().at)


@main.command()
@click.option("--port", type=int, default=3000, show_default=True)
def ui(port: int) -> None:
    """Open Dagster (webserver and daemon) and the simulator on this state."""
    from dagster_project.ui import serve  # noqa: PLC0415

    serve(Settings(), port, console)


def _settings(as_of: datetime | None) -> Settings:
    chosen: date | None = as_of.date() if as_of else None
    return Settings(business_day=chosen) if chosen else Settings()
