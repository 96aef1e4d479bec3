"""Great Expectations suites as Dagster asset checks, one check per expectation."""

from collections.abc import Sequence

import dagster as dg

from dagster_project.checks.run import CheckResult
from dagster_project.checks.suite import read_suite


def check_specs(
    asset: str, suites: Sequence[str], partitions: dg.PartitionsDefinition
) -> list[dg.AssetCheckSpec]:
    """Return the specs of suites whose results an asset reports. GX is not imported for it."""
    return [
        dg.AssetCheckSpec(
            spec.name,
            asset=asset,
            description=spec.description,
            blocking=spec.is_blocking,
            partitions_def=partitions,
        )
        for suite in suites
        for spec in read_suite(suite)
    ]


def check_result(asset: str, result: CheckResult, *, stops: bool) -> dg.AssetCheckResult:
    """Return a Dagster result. `stops`: whether a failure here ends the clinic's night."""
    is_error = result.spec.is_blocking and stops
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=result.spec.name,
        passed=result.is_passed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=result.spec.description,
        metadata={"expected": result.expected, "found": result.found},
    )
