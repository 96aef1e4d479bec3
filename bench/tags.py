"""What tags cost: `python -m bench.tags`, a night with 10 tags against one with 100."""

import json
import shutil
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.measure import TAGLINE, cost_of
from bench.tag_project import write_project
from dagster_project import transform
from dagster_project.clinic import load_clinic
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build
from dagster_project.rules import rules_of
from dagster_project.settings import ROOT, TOKYO

DAY = date(2026, 6, 1)
CLINIC = "aozora"
Costs = dict[str, float]
DERIVE = """
import json, sys, time
from datetime import date
from pathlib import Path
from dagster_project import transform
dbt_dir, target, warehouse, said = map(Path, sys.argv[1:5])
at = [0.0, time.process_time()]
transform.parse(dbt_dir, target)
at.append(time.process_time())
exclude = ["--exclude", "fqn:tagline.delivery"]
results = transform.build(dbt_dir, target, warehouse, date(2026, 6, 1), exclude)
at.append(time.process_time())
broken = [f"{node.unique_id}: {node.message}" for node in results if not node.is_ok]
assert not broken, broken
said.write_text(json.dumps([b - a for a, b in zip(at, at[1:])]))
"""


@click.command()
@click.option("--patients", default=100_000, show_default=True)
@click.option("--few", default=10, show_default=True)
@click.option("--many", default=100, show_default=True)
@click.option("--rounds", default=2, show_default=True, help="The cheapest of so many counts.")
def main(patients: int, few: int, many: int, rounds: int) -> None:
    """Measure few tags against many, in turns: the derive step alone, and the whole night.

    The night is one with nothing new to land, and dbt has parsed the project before.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _invent(folder, patients)
        for tags in (few, many):
            write_project(ROOT / "dbt", folder / str(tags) / "dbt", tags)
            _night(folder / str(tags))  # lands the exports, and parses
            _prepare(folder / str(tags))
        costs: dict[int, list[Costs]] = {few: [], many: []}
        for _ in range(rounds):
            for tags, found in costs.items():
                project = folder / str(tags)
                found.append(_derive(project) | {"whole night": _night(project)})
    best = {tags: {what: min(c[what] for c in found) for what in found[0]}
            for tags, found in costs.items()}  # fmt: skip
    table = Table(title=f"CPU seconds, a clinic of {patients:,} patients")
    for heading in ("", f"{few} tags", f"{many} tags", "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for what, cost in best[few].items():
        other = best[many][what]
        table.add_row(what, f"{cost:.1f}", f"{other:.1f}", f"{other / cost:.2f}")
    Console().print(table)


def _invent(folder: Path, patients: int) -> None:
    """Write the exports of one clinic."""
    sample = ["sample", "--patients", str(patients), "--as-of", str(DAY)]
    cost_of([TAGLINE, *sample, "--out", str(folder / "sample")])
    (folder / "exports").mkdir()
    for name in (CLINIC, "business_day"):
        (folder / "sample" / name).rename(folder / "exports" / name)


def _night(project: Path) -> float:
    """Return the CPU seconds of a whole night."""
    environment = {
        "TAGLINE_DATA_DIR": str(project / "data"),
        "TAGLINE_EXPORTS_DIR": str(project.parent / "exports"),
        "TAGLINE_DBT_DIR": str(project / "dbt"),
    }
    return cost_of([TAGLINE, "nightly"], environment).cpu


def _prepare(project: Path) -> None:
    """Write a warehouse of what has landed, with nothing derived in it."""
    clinic = load_clinic(project.parent / "exports" / CLINIC / "clinic.yaml")
    rules = rules_of(transform.parse(project / "dbt", project / "target"))
    build = Build(clinic.clinic_id, "bench", DAY, datetime(2026, 6, 1, 2, tzinfo=TOKYO))
    work, landing, none = (
        project / "prepared.duckdb",
        project / "data" / "landing",
        project / "none",
    )
    prepare(work, Night(build, clinic, landing, none, rules=rules))


def _derive(project: Path) -> Costs:
    """Return the CPU seconds of the derive step, in a process of its own, and of its parts."""
    warehouse, said = project / "warehouse.duckdb", project / "said.json"
    shutil.copyfile(project / "prepared.duckdb", warehouse)
    command = [sys.executable, "-c", DERIVE, project / "dbt", project / "target", warehouse, said]
    cost_of([str(word) for word in command])
    cpu = dict(
        zip(("imports", "dbt parse", "dbt build"), json.loads(said.read_text()), strict=True)
    )
    return {**cpu, "derive step": sum(cpu.values())}


if __name__ == "__main__":
    main()
