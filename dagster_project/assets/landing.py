"""Exports to landing: what the EMR wrote, parsed and kept, quarantined where unreadable."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from dagster_project.clinic import clinic_in
from dagster_project.forget.door import door_of
from dagster_project.forget.forget import purge, purge_older_night
from dagster_project.ingest import ingest_clinic
from dagster_project.ingest.contract import DATASETS
from dagster_project.ledger.store import open_ledger
from dagster_project.settings import Settings


def landing_assets(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Return the multi-asset that lands a clinic's exports, one asset per dataset."""
    specs = [
        dg.AssetSpec(["landing", name], group_name="landing", kinds={"parquet"})
        for name in (*DATASETS, "files")
    ]

    @dg.multi_asset(name="land_exports", specs=specs, partitions_def=partitions, pool="warehouse")
    def land_exports(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        clinic = clinic_in(settings.exports_dir, context.partition_key)
        folder = settings.exports_dir / clinic.clinic_id
        ledger = open_ledger(settings.ledger())
        if purge(settings, ledger, clinic.clinic_id):
            context.log.warning("a forgetting that was cut off, or undone by a backup, is finished")
        if purge_older_night(settings, ledger, clinic.clinic_id):
            context.log.warning("a published file from before a forgetting was put back: stripped")
        door = door_of(settings, ledger, clinic.clinic_id)
        report = ingest_clinic(clinic, folder, settings.landing_dir(), settings.as_of(), door)
        for file in report.files:
            if file.status != "known":
                context.log.info(f"{file.feed}: {file.name}: {file.status}, {file.rows} rows")
            if file.error:
                context.log.error(f"{file.name}: {file.error}")
        for name in DATASETS:
            yield dg.MaterializeResult(
                asset_key=["landing", name],
                metadata=_size(settings.landing_dir() / clinic.clinic_id / name),
            )
        yield dg.MaterializeResult(
            asset_key=["landing", "files"],
            metadata={
                "files": len(report.files),
                "quarantined": sum(file.status == "quarantined" for file in report.files),
                "unrecognised": list(report.unrecognised),
                "rows_of_forgotten_left_out": door.left_out,
            },
        )

    return land_exports


def _size(folder: Path) -> dict[str, int]:
    """Return rows, bytes and files of everything ever landed of a dataset."""
    stored = list(folder.glob("*.parquet"))
    return {
        "dagster/row_count": sum(pq.read_metadata(path).num_rows for path in stored),
        "bytes": sum(path.stat().st_size for path in stored),
        "files": len(stored),
    }
