"""Landing: immutable Parquet by content hash, and one registry row per sighted file.

The registry row is written last and by rename: a file is landed when, and only
when, its row is there. A crash before that leaves nothing anybody reads.
"""

import hashlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.ingest.contract import DATASETS, FILES
from dagster_project.ingest.csv_format import Row
from dagster_project.ingest.errors import BadFileError

BATCH = 50_000  # records held in memory per dataset


class Landing:
    """The landing folder of one clinic."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sightings(self) -> list[dict[str, object]]:
        """Return every registry row, oldest name first."""
        paths = sorted((self.folder / "files").glob("*.parquet"))
        rows = [row for path in paths for row in pq.read_table(path, schema=FILES).to_pylist()]
        return sorted(rows, key=lambda row: (str(row["exported_on"]), str(row["name"])))

    def register(self, row: dict[str, object]) -> None:
        """Write the registry row of one sighting."""
        path = self.folder / "files" / f"{row['sighting_id']}.parquet"
        _write(path, pa.Table.from_pylist([row], schema=FILES))

    def store(
        self, file_id: str, rows: Iterable[Row | BadFileError], max_bad_rows: int
    ) -> tuple[int, int]:
        """Write a file's records and return how many, and how many rows were bad.

        Raises BadFileError, the first one, when more rows are bad than the clinic
        allows; then nothing of the file is kept.
        """
        writers = {
            name: _Writer(self.folder / name / f"{file_id}.parquet", name) for name in DATASETS
        }
        first: BadFileError | None = None
        bad = 0
        try:
            for row in rows:
                if isinstance(row, BadFileError):
                    first = first or row
                    bad += 1
                    if bad > max_bad_rows:
                        raise first
                    continue
                dataset, record = row
                record["file_id"] = file_id
                writers[dataset].add(record)
        except BaseException:
            for writer in writers.values():
                writer.abandon()
            raise
        return sum(writer.finish() for writer in writers.values()), bad


class _Writer:
    """One dataset of one file, written in batches beside its place and renamed at the end."""

    def __init__(self, path: Path, dataset: str) -> None:
        self.path = path
        self.beside = path.with_suffix(".writing")
        self.schema = DATASETS[dataset]
        self.waiting: list[dict[str, object]] = []
        self.rows = 0
        self.file: pq.ParquetWriter | None = None

    def add(self, record: dict[str, object]) -> None:
        self.waiting.append(record)
        if len(self.waiting) >= BATCH:
            self._flush()

    def finish(self) -> int:
        if self.waiting:
            self._flush()
        if self.file:
            self.file.close()
            self.beside.replace(self.path)
        return self.rows

    def abandon(self) -> None:
        if self.file:
            self.file.close()
            self.beside.unlink()

    def _flush(self) -> None:
        if self.file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = pq.ParquetWriter(self.beside, self.schema, compression="zstd")
        self.file.write_table(pa.Table.from_pylist(self.waiting, schema=self.schema))
        self.rows += len(self.waiting)
        self.waiting = []


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".writing")
    pq.write_table(table, beside)
    beside.replace(path)


def file_id_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sighting_id_of(name: str, file_id: str) -> str:
    """Return the key of one sighting: these bytes under this name."""
    return hashlib.sha256(f"{name}|{file_id}".encode()).hexdigest()[:32]


def open_quarantines(
    sightings: Iterable[dict[str, object]], as_of: date
) -> list[dict[str, object]]:
    """Return the quarantined files that no later good file of their feed has replaced."""
    seen = [row for row in sightings if _day(row) <= as_of]
    landed = [row for row in seen if row["status"] == "landed"]
    return [
        row
        for row in seen
        if row["status"] == "quarantined"
        and not any(
            good["feed"] == row["feed"]
            and _day(good) >= _day(row)
            and good["file_id"] != row["file_id"]
            for good in landed
        )
    ]


def _day(row: dict[str, object]) -> date:
    day = row["exported_on"]
    assert isinstance(day, date)  # noqa: S101 - the registry's schema says so
    return day
