"""Exports to landing: what the EMR wrote, parsed and kept, quarantined where unreadable."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.clinic import clinic_in
from dagster_project.ingest import ingest_clinic
from dagster_project.ingest.contract import DATASETS
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
        report = ingest_clinic(clinic, folder, settings.landing_dir(), settings.as_of())
        for file in report.files:
            if file.status != "known":
                context.log.info(f"{file.feed}: {file.name}: {file.status}, {file.rows} rows")
            if file.error:
                context.log.error(f"{file.name}: {file.error}")
        for name in DATASETS:
            stored = (settings.landing_dir() / clinic.clinic_id / name).glob("*.parquet")
            yield dg.MaterializeResult(
                asset_key=["landing", name], metadata={"files": len(list(stored))}
            )
        yield dg.MaterializeResult(
            asset_key=["landing", "files"],
            metadata={
                "files": len(report.files),
                "quarantined": sum(file.status == "quarantined" for file in report.files),
                "unrecognised": list(report.unrecognised),
            },
        )

    return land_exports
