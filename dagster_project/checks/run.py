"""Running a suite with Great Expectations, and its results as plain verdicts."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from dagster_project.checks.suite import CheckSpec, read_suite
from dagster_project.checks.when_used import load_when_used

APPROVED = Path(__file__).with_name("sql").joinpath("approved.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class CheckResult:
    """One check on one profile. `broken` lists the rows that failed it, by what they show."""

    spec: CheckSpec
    is_passed: bool
    broken: tuple[dict[str, object], ...]
    subjects: tuple[str, ...]  # tags or campaigns that failed, where rows are such; else empty

    @property
    def expected(self) -> str:
        """Return the expectation with its bounds, as GX names it."""
        bounds = ", ".join(f"{key}={value}" for key, value in self.spec.kwargs.items())
        return f"{self.spec.type}({bounds})"

    @property
    def found(self) -> str:
        """Return the profile rows that broke it, at most five; they hold counts, no patients."""
        if self.is_passed:
            return "as expected"
        return "; ".join(
            ", ".join(f"{key}={value}" for key, value in row.items()) for row in self.broken[:5]
        )


def run_suite(name: str, profile: pd.DataFrame) -> list[CheckResult]:
    """Validate a profile against a suite and return one result per expectation.

    An expectation that cannot be computed counts as failed. An empty profile, where
    there is nothing to judge, passes.
    """
    specs = read_suite(name)
    if profile.empty:
        return [CheckResult(spec, is_passed=True, broken=(), subjects=()) for spec in specs]
    # GX imports these for expectations that no suite here has: a third of its own import.
    load_when_used("scipy.stats")
    load_when_used("altair")
    import great_expectations as gx  # noqa: PLC0415 - two seconds, paid only where used
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415
    from great_expectations.expectations.registry import get_expectation_impl  # noqa: PLC0415

    warnings.filterwarnings("ignore", module="great_expectations")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": profile})
    suite = gx.ExpectationSuite(name=name)
    for spec in specs:
        suite.add_expectation(get_expectation_impl(spec.type)(**spec.kwargs))
    outcome = batch.validate(
        suite,
        result_format={"result_format": "COMPLETE", "exclude_unexpected_values": True},
    )
    return [
        _result(spec, each.success, each.result, profile)
        for spec, each in zip(specs, outcome.results, strict=True)
    ]


def _result(
    spec: CheckSpec, is_passed: bool | None, result: dict[str, object], profile: pd.DataFrame
) -> CheckResult:
    if is_passed:
        return CheckResult(spec, is_passed=True, broken=(), subjects=())
    index = result.get("unexpected_index_list")
    rows = profile.loc[index] if isinstance(index, list) and index else profile
    shown = [column for column in ("feed", *spec.shows) if column in rows.columns]
    broken = tuple({str(k): v for k, v in row.items()} for row in rows[shown].to_dict("records"))
    subjects = tuple(map(str, rows["subject"])) if "subject" in rows.columns else ()
    return CheckResult(spec, is_passed=False, broken=broken, subjects=subjects)


def write_verdicts(
    con: duckdb.DuckDBPyConnection, results: Sequence[CheckResult], subjects: str = "tag"
) -> None:
    """Add results to `checks.verdicts`: about the clinic, or each tag or campaign that failed.

    The decisions read them: a failed blocking check on a tag holds the campaigns that
    stand on it, one on a campaign holds that campaign, one on the clinic keeps the night
    from being published. `subjects` is what the rows of the profile are: tag or campaign.
    """
    for result in results:
        scopes = [(subjects, each) for each in result.subjects] or [("clinic", "clinic")]
        for scope, subject in scopes:
            con.execute(
                "insert into checks.verdicts values (?, ?, ?, ?, ?, ?)",
                [
                    scope,
                    subject,
                    result.spec.name,
                    result.spec.severity,
                    result.is_passed,
                    result.spec.may_be_approved,
                ],
            ).fetchall()


def write_approvals(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `checks.verdicts` the campaigns whose audience of tonight a person approved.

    The decisions then pass over failed checks that may be approved, of this campaign alone.
    """
    con.execute(
        "insert into checks.verdicts select 'campaign', campaign, 'audience_approved', 'approval',"
        f" true, false from ({APPROVED})"
    ).fetchall()
