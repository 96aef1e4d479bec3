"""A back-test as files for a spreadsheet: what the terminal shows, and no more."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from dagster_project.backtest.nights import Backtest
from dagster_project.insight.shares import Share


def export_backtest(folder: Path, found: Backtest, monthly_limit: int | None) -> list[Path]:
    """Write the nights and the totals as CSV into a folder and return their paths."""
    nights: list[Mapping[str, object]] = [
        {
            "night": night.day,
            "is_open": night.is_open,
            "members": night.members,
            "messages": night.messages,
            **{reason: night.reasons.get(reason, 0) for reason in found.labels},
        }
        for night in found.nights
    ]
    totals: list[Mapping[str, object]] = [
        {
            "month": total.month,
            "step": total.step,
            "messages": total.messages,
            "monthly_limit": monthly_limit,
            "told": total.told,
            "people": total.people,
            "pending": total.pending,
            "came": total.came.count if isinstance(total.came, Share) else None,
            "came_percent": total.came.percent if isinstance(total.came, Share) else None,
            "came_hidden": None if isinstance(total.came, Share) else total.came.value,
        }
        for total in found.totals
    ]
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _write(folder / f"backtest_{name}.csv", rows)
        for name, rows in (("nights", nights), ("totals", totals))
    ]


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    # With a byte order mark, or a spreadsheet shows Japanese as noise.
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path
