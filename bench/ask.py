"""How long a person waits for an answer on a large clinic: `make bench-ask`.

Ends with 1 where `tagline preview` of one edited tag takes over 5 s, or `tagline explain` over 2 s.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.measure import ROOT, TAGLINE, Cost, cost_of

DAY = "2026-06-01"
CLINIC = "aozora"
WHO = "1"
PREVIEW, EXPLAIN = 5.0, 2.0
FREQUENT = "models/tags/visits/tag_visits_frequent.sql"
# What is edited, and the tag that is asked for then: the tag's own file, which has a limit, and a
# threshold, which makes a new rule of every tag that has one.
EDITS = {
    "visits_frequent": (FREQUENT, ">= 6", ">= 5"),
    "blood_pressure_over_threshold": (
        "seeds/observation_thresholds.csv", "sbp_mmhg,any,140,", "sbp_mmhg,any,130,",
    ),
}  # fmt: skip


@click.command()
@click.option("--patients", default=100_000, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="The quickest of so many counts.")
def main(patients: int, rounds: int) -> None:
    """Publish a night, then ask: what would an edited tag change, and why has this patient it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _publish(folder, patients)

        def quickest(*words: str) -> Cost:
            costs = [cost_of([TAGLINE, *words], environment) for _ in range(rounds)]
            return min(costs, key=lambda cost: cost.wall)

        found: list[tuple[str, Cost, float | None]] = [
            ("explain, every tag and campaign", quickest("explain", WHO), EXPLAIN),
            ("explain --tag", quickest("explain", WHO, "--tag", "visits_frequent"), EXPLAIN),
        ]
        for tag, (file, before, after) in EDITS.items():
            path = folder / "dbt" / file
            text = path.read_text("utf-8")
            assert before in text  # noqa: S101
            path.write_text(text.replace(before, after), "utf-8")
            limit = PREVIEW if file == FREQUENT else None
            found.append((f"preview {tag}", quickest("preview", tag), limit))
            path.write_text(text, "utf-8")
    sys.exit(_show(found, patients))


def _publish(folder: Path, patients: int) -> dict[str, str]:
    """Publish a night of one clinic by rules of its own; return where commands find it."""
    sample = ["sample", "--patients", str(patients), "--as-of", DAY]
    cost_of([TAGLINE, *sample, "--out", str(folder / "sample")])
    (folder / "exports").mkdir()
    for name in (CLINIC, "business_day"):
        (folder / "sample" / name).rename(folder / "exports" / name)
    shutil.copytree(ROOT / "dbt", folder / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    environment = {
        "TAGLINE_DATA_DIR": str(folder / "data"),
        "TAGLINE_EXPORTS_DIR": str(folder / "exports"),
        "TAGLINE_DBT_DIR": str(folder / "dbt"),
    }
    cost_of([TAGLINE, "nightly"], environment)
    return environment


def _show(found: Sequence[tuple[str, Cost, float | None]], patients: int) -> int:
    table = Table(title=f"The wait for an answer, one clinic of {patients:,} patients")
    for heading in ("what", "wall s", "CPU s", "limit s"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for what, cost, limit in found:
        table.add_row(what, f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{limit:.0f}" if limit else "")
    Console().print(table)
    return int(any(limit and cost.wall > limit for _, cost, limit in found))


if __name__ == "__main__":
    main()
