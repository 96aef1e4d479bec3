"""The morning sheet: what goes out, to whom and why, as a page for the clinic's staff."""

import dagster as dg

from dagster_project.clinic import clinic_in
from dagster_project.settings import Settings


def morning_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the sheet, one per clinic. Its metadata is where the page is, never what it says."""

    @dg.asset(
        deps=["line_preflight"],
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="朝の確認表: 何を、だれに、なぜ送るかを1枚のページにする。送信はしない。",
    )
    def morning_sheet(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        from dagster_project.insight.morning_page import write_morning  # noqa: PLC0415 - Jinja

        path = write_morning(settings, clinic_in(settings.exports_dir, context.partition_key))
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(path or "")})

    return [morning_sheet]
