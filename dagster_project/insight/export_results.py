"""The results as files for a spreadsheet or an analyst: what the pages show, and no more."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.insight.results import Result
from dagster_project.insight.shares import Share, Shown

SCHEMA = pa.schema(
    [("name", pa.string()), ("label_ja", pa.string()), ("purpose", pa.string())]
    + [("step", pa.int64()), ("variant", pa.string()), ("month", pa.date32())]
    + [(name, pa.int64()) for name in ("planned", "sent", "messages", "pending")]
    + [
        field
        for share in ("opened", "clicked", "blocked", "visited", "holdout")
        for field in ((f"{share}_percent", pa.float64()), (f"{share}_hidden", pa.string()))
    ]
    + [(name, pa.int64()) for name in ("booked", "credited", "late_arrivals")]
    + [(f"uplift_{name}", pa.float64()) for name in ("points", "low", "high")]
    + [(name, pa.int64()) for name in ("incremental_visits", "cost_yen", "yen_per_visit")]
)


def export_results(folder: Path, name: str, kind: str, results: Sequence[Result]) -> Path:
    """Write results as a file of a kind, csv or parquet, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{kind}"
    rows = [_row(each) for each in results]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
        return path
    # With a byte order mark, or a spreadsheet shows Japanese as noise.
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, SCHEMA.names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _row(result: Result) -> dict[str, object]:
    shares = {
        "opened": result.opened,
        "clicked": result.clicked,
        "blocked": result.blocked,
        "visited": result.visited,
        "holdout": result.holdout,
    }
    effect = result.uplift
    return {
        **{name: getattr(result, name) for name in SCHEMA.names if hasattr(result, name)},
        **{f"{name}_percent": _percent(shown) for name, shown in shares.items()},
        **{f"{name}_hidden": _hidden(shown) for name, shown in shares.items()},
        "uplift_points": effect and round(effect.points, 1),
        "uplift_low": effect and round(effect.low, 1),
        "uplift_high": effect and round(effect.high, 1),
        "incremental_visits": _whole(result.incremental_visits),
        "yen_per_visit": _whole(result.yen_per_visit),
    }


def _percent(shown: Shown) -> float | None:
    return float(shown.percent) if isinstance(shown, Share) else None


def _hidden(shown: Shown) -> str | None:
    return None if isinstance(shown, Share) else shown.value


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
