"""Tonight's plan into the ledger, and the one asset that sends."""

import dagster as dg
import duckdb

from dagster_project.assets.partitions import clinic_of
from dagster_project.delivery.plan import PlanRow, plan_night
from dagster_project.delivery.run import deliver
from dagster_project.ledger.store import open_ledger
from dagster_project.line.connect import connect
from dagster_project.publish import NotPublishableError, build_of
from dagster_project.settings import Settings


def line_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the plan and the send, both per clinic and both on the published file only."""

    @dg.asset(
        deps=["published_warehouse"],
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="今朝の配信計画: 公開された判定をそのまま台帳に書き、翌朝まで変えない。",
    )
    def morning_plan(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        clinic_id = context.partition_key
        path = settings.published_path(clinic_id)
        with duckdb.connect(str(path), read_only=True) as con:
            build = build_of(con)
            columns = ", ".join(PlanRow.__dataclass_fields__)
            found = con.execute(f"select {columns} from delivery_plan order by all").fetchall()
        rows = [PlanRow(*row) for row in found]
        summary = plan_night(open_ledger(settings.ledger()), rows, build, settings.now())
        return dg.MaterializeResult(metadata={"as_of": str(build.as_of), **vars(summary)})

    @dg.asset(
        deps=[morning_plan],
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="LINEへの唯一の出口: 送信時にもう一度、日付・時間帯・同意・ブロックを確かめる。",
    )
    def line_delivery(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        clinic = clinic_of(settings, context.partition_key)
        client = connect(settings, clinic)
        report = deliver(settings, clinic, client)
        context.log.info(report.as_text())
        return dg.MaterializeResult(metadata=report.as_metadata())

    return [morning_plan, line_delivery]
