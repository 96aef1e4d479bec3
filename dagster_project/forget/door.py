"""The door of landing: what an export says of a forgotten person goes no further."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine

from dagster_project.forget.hashes import Forgotten, accounts_among, patients_among
from dagster_project.ingest.batches import Batch
from dagster_project.ingest.errors import BadFileError
from dagster_project.ledger.forgotten import read_forgotten
from dagster_project.settings import Settings

RECEIPTS = "uke_receipts"
Batches = Iterator[Batch | BadFileError]


@dataclass
class Door:
    """The door of one clinic, with a count of the records that it kept out."""

    forgotten: Callable[[], Forgotten]  # asked for each file: somebody may be forgotten meanwhile
    left_out: int = 0

    def __call__(self, read: Callable[[], Batches]) -> Batches:
        """Yield a file's records but those of forgotten persons.

        A claim names its patient in one record and speaks of them in others, so while anybody
        is forgotten a file is read once more for the numbers of their receipts.
        """
        forgotten = self.forgotten()
        if not forgotten:
            yield from read()
            return
        receipts: set[int] = set()
        for batch in read():
            if not isinstance(batch, BadFileError) and batch[0] == RECEIPTS:
                receipts |= receipts_of(batch[1], forgotten)
        for batch in read():
            if isinstance(batch, BadFileError):
                yield batch
                continue
            dataset, records = batch
            kept = records.filter(kept_of(records, forgotten, receipts))
            self.left_out += records.num_rows - kept.num_rows
            if kept.num_rows:
                yield dataset, kept


def door_of(settings: Settings, engine: Engine, clinic_id: str) -> Door:
    """Return the door of a clinic. It raises LostKeyError where it cannot know who to keep out."""
    return Door(lambda: read_forgotten(engine, clinic_id, settings.forget_key_path()))


def receipts_of(records: "pa.RecordBatch | pa.Table", forgotten: Forgotten) -> set[int]:
    """Return the numbers of the receipts that are of forgotten persons."""
    gone = patients_among(forgotten, pc.unique(records["patient_no"]).to_pylist())
    found = records.filter(pc.is_in(records["patient_no"], pa.array(sorted(gone), pa.string())))
    return {int(each) for each in found["receipt_id"].to_pylist()}


def kept_of(
    records: "pa.RecordBatch | pa.Table", forgotten: Forgotten, receipts: set[int]
) -> pa.Array:
    """Return which records speak of nobody forgotten, as a mask."""
    gone = pa.repeat(pa.scalar(False), records.num_rows)
    names = records.schema.names
    for name in {"patient_no", "into_patient_no"} & set(names):
        gone = _or(gone, records[name], patients_among, forgotten)
    if "line_user_id" in names:
        gone = _or(gone, records["line_user_id"], accounts_among, forgotten)
    if "receipt_id" in names and receipts:
        found = pc.is_in(records["receipt_id"], pa.array(sorted(receipts), pa.int64()))
        gone = pc.or_(gone, found)
    return pc.invert(gone)


def _or(
    gone: pa.Array, column: pa.Array, among: Callable[..., set[str]], forgotten: Forgotten
) -> pa.Array:
    who = pa.array(sorted(among(forgotten, pc.unique(column).to_pylist())), pa.string())
    return pc.or_(gone, pc.is_in(column, who))
