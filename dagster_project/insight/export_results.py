"""The results as files for a spreadsheet or an analyst: what the pages show, and no more."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.insight.results import Result
from dagster_project.insight.shares import Share, Shown
from dagster_project.insight.uplift import Uplift

AGAINST_A = ("opened", "clicked", "visited")  # of text b, in percentage points
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
    + [
        (f"{what}_{name}", pa.float64())
        for what in ("uplift", *(f"{share}_against_a" for share in AGAINST_A))
        for name in ("points", "low", "high")
    ]
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
    against = {
        f"{share}_against_a": getattr(result.against_a, share) if result.against_a else None
        for share in AGAINST_A
    }
    return {
        **{name: getattr(result, name) for name in SCHEMA.names if hasattr(result, name)},
        **{f"{name}_percent": _percent(shown) for name, shown in shares.items()},
        **{f"{name}_hidden": _hidden(shown) for name, shown in shares.items()},
        **_bounds("uplift", result.uplift),
        **{
            name: bound
            for what, found in against.items()
            for name, bound in _bounds(what, found).items()
        },
        "incremental_visits": _whole(result.incremental_visits),
        "yen_per_visit": _whole(result.yen_per_visit),
    }


def _bounds(what: str, found: Uplift | None) -> dict[str, float | None]:
    bounds = {"points": None, "low": None, "high": None} if found is None else vars(found)
    return {f"{what}_{name}": each and round(each, 1) for name, each in bounds.items()}


def _percent(shown: Shown) -> float | None:
    return float(shown.percent) if isinstance(shown, Share) else None


def _hidden(shown: Shown) -> str | None:
    return None if isinstance(shown, Share) else shown.value


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
