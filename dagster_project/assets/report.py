"""The month's results: a page for the clinic's staff, and their figures in Dagster."""

import dagster as dg

from dagster_project.clinic import clinic_in
from dagster_project.settings import Settings


def report_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the report, one per clinic.

    Its metadata are each campaign's figures of all months, so that Dagster draws them over nights.
    """

    @dg.asset(
        deps=["published_warehouse"],
        group_name="published",
        partitions_def=partitions,
        pool="line",
        description="配信の報告: 今月の結果を1枚のページと表のファイルにする。送信はしない。",
    )
    def results_report(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        from dagster_project.insight.report_figures import figures  # noqa: PLC0415 - Jinja
        from dagster_project.insight.report_page import write_report  # noqa: PLC0415 - Jinja

        written = write_report(settings, clinic_in(settings.exports_dir, context.partition_key))
        if written is None:
            return dg.MaterializeResult()
        path, report = written
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(path),
                "month": f"{report.month:%Y-%m}",
                **figures(report),
            }
        )

    return [results_report]
