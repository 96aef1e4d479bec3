"""The month's results: a page for the clinic's staff, and their figures in Dagster."""

import dagster as dg

from dagster_project.clinic import clinic_in
from dagster_project.settings import Settings


def report_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the report, one per clinic.

    Its metadata are the page's own figures, so that Dagster draws them over nights.
    """

    @dg.asset(
        deps=["published_warehouse"],
        group_name="published",
        partitions_def=partitions,
        pool="line",
        description="配信の報告: 来院をまだ数えている月の結果をページと表にする。送信はしない。",
    )
    def results_report(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        from dagster_project.insight.report_figures import figures, tables  # noqa: PLC0415 - Jinja
        from dagster_project.insight.report_page import write_report  # noqa: PLC0415 - Jinja

        clinic = clinic_in(settings.exports_dir, context.partition_key)
        written = write_report(settings, clinic)
        if written is None:
            return dg.MaterializeResult()
        path, report = written
        for month in report.renewed:
            write_report(settings, clinic, month)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(path),
                "month": f"{report.month:%Y-%m}",
                **{name: dg.MetadataValue.md(text) for name, text in tables(report).items()},
                **figures(report),
            }
        )

    return [results_report]
