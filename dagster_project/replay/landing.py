"""Landing as it stood: the same immutable records, under a registry of what had arrived."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.ingest.contract import DATASETS, FILES
from dagster_project.ingest.landing import Landing
from dagster_project.replay.past import Past, ReplayError


def lay_out_landing(folder: Path, aside: Path, past: Past) -> None:
    """Write a landing folder that says of each file since which published night it counts.

    With it, a night's own condition on what it may know is enough. Of nights that were not
    published, the day each file was read decides, as the registry has it. Raises ReplayError
    when a file that was counted is gone.
    """
    rows = [row for row in Landing(folder).sightings() if row["status"] == "landed"]
    if any(night.is_published for night in past.nights):
        rows = [
            {**row, "known_on": past.files[str(row["sighting_id"])]}
            for row in rows
            if str(row["sighting_id"]) in past.files
        ]
        last = max(night.day for night in past.nights)
        needed = {sighting for sighting, day in past.files.items() if day <= last}
        gone = needed - {str(row["sighting_id"]) for row in rows if _is_there(folder, row)}
        if gone:
            raise ReplayError(
                f"その夜に数えた取込ファイルが {len(gone)} 件もうありません"
                f" / {len(gone)} landing files that were counted then are gone"
            )
    (aside / "files").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=FILES), aside / "files" / "registry.parquet")
    for dataset in DATASETS:
        (aside / dataset).symlink_to(folder / dataset, target_is_directory=True)


def _is_there(folder: Path, row: dict[str, object]) -> bool:
    stored = (folder / dataset / f"{row['file_id']}.parquet" for dataset in DATASETS)
    return not row["rows"] or any(path.exists() for path in stored)
