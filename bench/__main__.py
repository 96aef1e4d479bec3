"""What a night costs: `make bench`. Ratios, side by side, in one run; never a timed test."""

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.measure import TAGLINE, Cost, cost_of

DAY = "2026-06-01"
PYTHON = sys.executable
IMPORTS = "import dagster, dagster_dbt, great_expectations, linebot.v3.messaging, duckdb"
INGEST = """
import sys
from datetime import date
from pathlib import Path
from dagster_project.clinic import load_clinic
from dagster_project.ingest import ingest_clinic
folder = Path(sys.argv[1])
report = ingest_clinic(load_clinic(folder / "clinic.yaml"), folder, Path(sys.argv[2]), date.max)
assert all(file.status == "landed" for file in report.files), report
"""
CLINIC = """
clinic_id: big
name: big
line: {{channel: big}}
feeds:
  visits:
    files: visits_{{date}}.csv
    format: csv
    mode: full
    encoding: {encoding}
    records:
      - dataset: visits
        columns: {{patient_no: 患者番号, visited_on: 来院日, department: 診療科}}
    ignore: [メモ]
"""


@click.command()
@click.option("--patients", default=100_000, show_default=True, help="Of the large clinics.")
@click.option("--megabytes", default=300, show_default=True, help="Of the large CSV.")
def main(patients: int, megabytes: int) -> None:
    """Measure the floor, the bundled night cold and warm, a large night, and a large CSV."""
    with tempfile.TemporaryDirectory() as name:
        costs = _nights(Path(name), patients) | _csv(Path(name), megabytes)
    warm = costs["bundled night, warm"]
    table = Table(title=f"CPU against the bundled night, warm ({warm.cpu:.1f} s)")
    for heading in ("what", "wall s", "CPU s", "peak MB", "ratio"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for what, cost in costs.items():
        figures = (cost.wall, cost.cpu, cost.peak_mb, cost.cpu / warm.cpu)
        table.add_row(what, *(f"{n:.{d}f}" for n, d in zip(figures, (1, 1, 0, 2), strict=True)))
    Console().print(table)


def _nights(folder: Path, patients: int) -> dict[str, Cost]:
    bundled = {"TAGLINE_DATA_DIR": str(folder / "data")}
    large = {
        "TAGLINE_DATA_DIR": str(folder / "large"),
        "TAGLINE_EXPORTS_DIR": str(folder / "exports"),
    }
    cost_of([PYTHON, "-c", IMPORTS])  # a round that does not count: the page cache is cold
    sample = [TAGLINE, "sample", "--patients", str(patients), "--as-of", DAY]
    many = f"{patients:,} patients a clinic"
    return {
        "imports alone": cost_of([PYTHON, "-c", IMPORTS]),
        "bundled night, cold": cost_of([TAGLINE, "nightly"], bundled),
        "bundled night, warm": cost_of([TAGLINE, "nightly"], bundled),
        f"inventing {many}": cost_of([*sample, "--out", str(folder / "exports")]),
        f"{many}, first night": cost_of([TAGLINE, "nightly"], large),
        f"{many}, same night again": cost_of([TAGLINE, "nightly"], large),
    }


def _csv(folder: Path, megabytes: int) -> dict[str, Cost]:
    costs = {}
    for encoding in ("utf-8", "cp932"):
        clinic = folder / encoding / "big"
        clinic.mkdir(parents=True)
        (clinic / "clinic.yaml").write_text(CLINIC.format(encoding=encoding), encoding="utf-8")
        _write_visits(clinic / "visits_20260601.csv", encoding, megabytes)
        command = [PYTHON, "-c", INGEST, str(clinic), str(folder / encoding / "landing")]
        costs[f"{megabytes} MB of CSV in {encoding}"] = cost_of(command)
    return costs


def _write_visits(path: Path, encoding: str, megabytes: int) -> None:
    with path.open("w", encoding=encoding) as file:
        file.write("患者番号,来院日,診療科,メモ\n")
        number = 0
        while path.stat().st_size < megabytes * 1_000_000:
            file.write(
                "".join(
                    f"{n % 99_991:08d},2026/{n % 5 + 1:02d}/{n % 28 + 1:02d},"
                    f"{('内科', '小児科', '皮膚科')[n % 3]},再診のためご来院、経過は良好です\n"
                    for n in range(number, number + 10_000)
                )
            )
            number += 10_000


if __name__ == "__main__":
    main()
