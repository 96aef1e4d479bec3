"""Landing: immutable Parquet by content hash, and one registry row per sighted file.

The registry row is written last and by rename: a file is landed when, and only
when, its row is there. A crash before that leaves nothing anybody counts, and the
next attempt replaces it.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.ingest.batches import Batch
from dagster_project.ingest.contract import DATASETS, FILES
from dagster_project.ingest.errors import BadFileError

ROW_GROUP = 100_000  # records held in memory per dataset, and one Parquet row group


@dataclass(frozen=True)
class Stored:
    """What came of a file: records kept, rows left out, and the first of those."""

    rows: int
    bad_rows: int
    first_bad: BadFileError | None


class Landing:
    """The landing folder of one clinic."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder for one writer; another waits. A killed writer holds nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def sightings(self) -> list[dict[str, object]]:
        """Return every registry row, oldest name first."""
        paths = sorted((self.folder / "files").glob("*.parquet"))
        rows = [row for path in paths for row in pq.read_table(path, schema=FILES).to_pylist()]
        return sorted(rows, key=lambda row: (str(row["exported_on"]), str(row["name"])))

    def register(self, row: dict[str, object]) -> None:
        """Write the registry row of one sighting: from now on its file counts."""
        path = self.folder / "files" / f"{row['sighting_id']}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".writing")
        pq.write_table(pa.Table.from_pylist([row], schema=FILES), beside)
        settle(beside, path)

    def store(
        self, file_id: str, batches: Iterable[Batch | BadFileError], max_bad_rows: int
    ) -> Stored:
        """Write a file's records and return how many, and how many rows were bad.

        Raises BadFileError, the first one, when more rows are bad than the clinic
        allows; then nothing of the file is kept.
        """
        paths = {name: self.folder / name / f"{file_id}.parquet" for name in DATASETS}
        for path in paths.values():
            path.unlink(missing_ok=True)  # a killed attempt's
        writers: dict[str, _Writer] = {}
        bad: list[BadFileError] = []
        try:
            for batch in batches:
                if isinstance(batch, BadFileError):
                    bad.append(batch)
                    if len(bad) > max_bad_rows:
                        raise bad[0]
                    continue
                dataset, records = batch
                if dataset not in writers:
                    writers[dataset] = _Writer(paths[dataset], dataset, file_id)
                writers[dataset].add(records)
        except BaseException:
            for writer in writers.values():
                writer.abandon()
            raise
        rows = sum(writer.finish() for writer in writers.values())
        return Stored(rows, len(bad), bad[0] if bad else None)


class _Writer:
    """One dataset of one file, written in row groups beside its place and renamed at the end."""

    def __init__(self, path: Path, dataset: str, file_id: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.beside = path.with_suffix(".writing")
        self.schema = DATASETS[dataset]
        self.file_id = file_id
        self.file = pq.ParquetWriter(self.beside, self.schema, compression="zstd")
        self.waiting: list[pa.RecordBatch] = []
        self.held = 0
        self.rows = 0

    def add(self, records: pa.RecordBatch) -> None:
        self.waiting.append(records)
        self.held += records.num_rows
        if self.held >= ROW_GROUP:
            self._flush()

    def finish(self) -> int:
        if self.held:
            self._flush()
        self.file.close()
        settle(self.beside, self.path)
        return self.rows

    def abandon(self) -> None:
        self.file.close()
        self.beside.unlink()

    def _flush(self) -> None:
        found = pa.Table.from_batches(self.waiting)
        file_ids = pa.repeat(pa.scalar(self.file_id), self.held)
        columns = [
            file_ids if field.name == "file_id" else found[field.name] for field in self.schema
        ]
        self.file.write_table(pa.Table.from_arrays(columns, schema=self.schema))
        self.rows += self.held
        self.waiting, self.held = [], 0


def settle(beside: Path, path: Path) -> None:
    """Put a finished file in its place, on the disk and not only in the cache."""
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def file_id_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sighting_id_of(name: str, file_id: str, arrival: int) -> str:
    """Return the key of one sighting: these bytes under this name, met then."""
    return hashlib.sha256(f"{name}|{file_id}|{arrival}".encode()).hexdigest()[:32]
