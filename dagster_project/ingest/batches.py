"""What every format hands over: records of one dataset, in columns, a few thousand at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from dagster_project.ingest.contract import DATASETS
from dagster_project.ingest.errors import BadFileError

Batch = tuple[str, pa.RecordBatch]  # (dataset, its columns without file_id)
Row = tuple[str, dict[str, object]]  # (dataset, one record)
ROWS = 20_000  # of one dataset, held until they are worth a batch

SCHEMAS = {
    name: pa.schema([field for field in schema if field.name != "file_id"])
    for name, schema in DATASETS.items()
}


def batch_of(dataset: str, columns: Mapping[str, Sequence[object]], lines: Sequence[int]) -> Batch:
    """Return one batch; columns of the dataset that are not given are null."""
    schema = SCHEMAS[dataset]
    found = {**columns, "line_no": lines}
    arrays = [
        pa.array(found[field.name], type=field.type)
        if field.name in found
        else pa.nulls(len(lines), field.type)
        for field in schema
    ]
    return dataset, pa.RecordBatch.from_arrays(arrays, schema=schema)


def gathered(rows: Iterable[Row | BadFileError]) -> Iterator[Batch | BadFileError]:
    """Yield rows as batches, in order within each dataset; errors pass through at once."""
    waiting: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        if isinstance(row, BadFileError):
            yield row
            continue
        dataset, record = row
        held = waiting.setdefault(dataset, [])
        held.append(record)
        if len(held) >= ROWS:
            yield dataset, pa.RecordBatch.from_pylist(held, schema=SCHEMAS[dataset])
            waiting[dataset] = []
    for dataset, held in waiting.items():
        if held:
            yield dataset, pa.RecordBatch.from_pylist(held, schema=SCHEMAS[dataset])
