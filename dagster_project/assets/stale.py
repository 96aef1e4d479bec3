"""Stale, said where people look: a failed night marks the tags it left standing."""

import dagster as dg

from dagster_project.publish import read_build

CHECK = "published_is_of_today"
PUBLISHED = "published_warehouse"


def stale_check_spec(partitions: dg.PartitionsDefinition) -> dg.AssetCheckSpec:
    """Return the check of the published warehouse that a failed night turns yellow."""
    return dg.AssetCheckSpec(
        CHECK,
        asset=PUBLISHED,
        description="公開されているのが今日の業務日のものである (失敗した夜の後は、前回のまま)",
        partitions_def=partitions,
    )


def fresh() -> dg.AssetCheckResult:
    """Return the result of a night that was published."""
    return dg.AssetCheckResult(asset_key=PUBLISHED, check_name=CHECK, passed=True)


@dg.failure_hook(required_resource_keys={"settings"})
def mark_stale(context: dg.HookContext) -> None:
    """Report on the published warehouse that tonight failed, and which day still stands."""
    run = context.instance.get_run_by_id(context.run_id)
    clinic_id = run.tags.get("dagster/partition") if run else None
    if clinic_id is None:
        return
    settings = context.resources.settings
    stands = read_build(settings.published_path(clinic_id))
    context.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(PUBLISHED),
            check_name=CHECK,
            passed=stands is not None and stands.as_of == settings.as_of(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "stands": str(stands.as_of) if stands else "nothing was ever published",
                "wanted": str(settings.as_of()),
                "failed_step": context.step_key,
                "failed_run": context.run_id,
            },
            partition=clinic_id,
        )
    )
