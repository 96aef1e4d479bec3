"""`python -m bench.mutants [MODEL ...]`: the share of mutants that is noticed, and the others."""

import sys

import click

from bench.mutants.run import run
from bench.mutants.seeds import MASTERS

ENOUGH = 0.95


@click.command()
@click.argument("models", nargs=-1)
@click.option("--limit", type=int, help="Judge only so many, picked by --seed.")
@click.option("--seed", default=0, show_default=True, help="Which ones --limit picks.")
def main(models: tuple[str, ...], limit: int | None, seed: int) -> None:
    """Make every small mistake in the rules of tags and see whether a test notices.

    Mutants of all models and seeds that decide tags, or of the models named. Ends with 1
    when less than 95 % are noticed, those declared to change nothing aside.
    """
    outcome = run(models, limit, seed, say=click.echo)
    for mutant, reason in outcome.declared:
        click.echo(f"\ndeclared equivalent: {mutant}\n    {reason.reason}")
    for mutant in outcome.survived:
        click.echo(f"\nsurvived: {mutant}")
    click.echo(
        f"\nnoticed by unit tests {len(outcome.unit_tests)}, by the oracle {len(outcome.oracle)};"
        f" survived {len(outcome.survived)}; declared equivalent {len(outcome.declared)};"
        f" refused by the database {outcome.stillborn}"
    )
    click.echo(f"not mutated: {', '.join(sorted(MASTERS))} (extracts of public masters)")
    click.echo(f"noticed: {outcome.share:.1%} of all but those declared")
    sys.exit(outcome.share < ENOUGH)


if __name__ == "__main__":
    main()
