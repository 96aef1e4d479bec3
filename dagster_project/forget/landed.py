"""Landed files written again without the forgotten, each by rename: its hash stays known."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.forget.door import RECEIPTS, kept_of, receipts_of
from dagster_project.forget.hashes import Forgotten
from dagster_project.ingest.contract import DATASETS
from dagster_project.ingest.landing import Landing, settle


def rows_landed(landing: Landing, forgotten: Forgotten) -> int:
    """Return how many landed rows speak of forgotten persons."""
    return sum(found.num_rows - kept.num_rows for _, found, kept in _named(landing, forgotten))


def strip_landing(landing: Landing, forgotten: Forgotten) -> None:
    """Remove their rows. A kill leaves whole files, and the next run does the rest.

    The receipts of a file come last: they alone say whose its other records are.
    """
    with landing.alone():
        for path in landing.folder.rglob("*.writing"):
            path.unlink()  # a killed writer's
        for path, _, kept in _named(landing, forgotten):
            beside = path.with_suffix(".writing")
            pq.write_table(kept, beside, compression="zstd")
            settle(beside, path)


def _named(landing: Landing, forgotten: Forgotten) -> Iterator[tuple[Path, pa.Table, pa.Table]]:
    """Yield each file that speaks of them: as it is, and as it should be."""
    for dataset in (*(name for name in DATASETS if name != RECEIPTS), RECEIPTS):
        for path in sorted((landing.folder / dataset).glob("*.parquet")):
            beside = landing.folder / RECEIPTS / path.name
            is_claim = "receipt_id" in DATASETS[dataset].names and beside.exists()
            receipts = receipts_of(pq.read_table(beside), forgotten) if is_claim else set()
            found = pq.read_table(path)
            kept = found.filter(kept_of(found, forgotten, receipts))
            if kept.num_rows < found.num_rows:
                yield path, found, kept
