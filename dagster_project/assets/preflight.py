"""What LINE is asked of a channel before its window opens."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.alerts import deliver_now
from dagster_project.clinic import clinic_in
from dagster_project.ledger.preflight import WHAT_JA
from dagster_project.preflight import look_now
from dagster_project.settings import Settings

READY = "channel_is_ready"


def preflight_asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Return the last look before the window."""

    @dg.asset(
        deps=["morning_plan"],
        group_name="line",
        partitions_def=partitions,
        pool="line",
        check_specs=[
            dg.AssetCheckSpec(
                READY,
                asset="line_preflight",
                description="トークン、集計単位、文面がそろい、このまま送信できる",
                partitions_def=partitions,
            )
        ],
        description="送信の前の確認: トークン、残り通数、集計単位、Webhook、文面の検証。"
        "何も送らない。",
    )
    def line_preflight(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        clinic = clinic_in(settings.exports_dir, context.partition_key)
        findings = look_now(settings, clinic)
        deliver_now(settings, clinic)
        worst = [each for each in findings if not each.is_ready]
        levels = {each: "ok" for each in WHAT_JA if any(each == one.what for one in findings)}
        levels |= {each.what: each.level for each in findings if each.level != "ok"}
        yield dg.MaterializeResult(metadata=levels)
        yield dg.AssetCheckResult(
            asset_key="line_preflight",
            check_name=READY,
            passed=not worst,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"found": "; ".join(each.said for each in worst) or "ready"},
        )

    return line_preflight
