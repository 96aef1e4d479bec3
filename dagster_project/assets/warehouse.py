"""Tonight's warehouse: opened with its checked input, audited, and published at the end."""

from collections.abc import Iterator, Sequence

import dagster as dg
import duckdb

from dagster_project import transform
from dagster_project.assets.checked import check_result, check_specs
from dagster_project.assets.stale import fresh, stale_check_spec
from dagster_project.authoring.finding import Finding
from dagster_project.checks.profiles import profile, profile_exports
from dagster_project.checks.run import CheckResult, run_suite, write_approvals, write_verdicts
from dagster_project.clinic import Clinic, clinic_in
from dagster_project.conversation.script import script_of
from dagster_project.delivery.afford import room_of
from dagster_project.delivery.snapshot import (
    blocks_for_warehouse,
    deliveries_for_warehouse,
    statistics_for_warehouse,
)
from dagster_project.ingest.contract import DATASETS
from dagster_project.insight.render_results import results_markdown
from dagster_project.insight.results import campaign_results, pooled
from dagster_project.ledger.approvals import audiences_for_warehouse
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.holds import vetoes_for_warehouse
from dagster_project.ledger.overrides import overrides_for_warehouse
from dagster_project.ledger.store import open_ledger
from dagster_project.ledger.tag_decisions import decisions_for_warehouse
from dagster_project.line.wordings import versions
from dagster_project.prepare import Night, prepare
from dagster_project.publish import Build, publish, require_stage
from dagster_project.rules import rules_of
from dagster_project.settings import Settings

Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


def warehouse_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the input, the two audits and the publication, each one asset per clinic."""

    @dg.asset(
        deps=[*(["landing", name] for name in (*DATASETS, "files")), "line_quota", "line_insight"],
        group_name="landing",
        kinds={"duckdb"},
        partitions_def=partitions,
        pool="warehouse",
        check_specs=check_specs("warehouse_input", ["exports", "uke"], partitions),
        description="今夜の倉庫の入口: 取込済みの行、医院の設定、台帳の写し、前回のタグ履歴。",
    )
    def warehouse_input(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Events:
        clinic = clinic_in(settings.exports_dir, context.partition_key)
        as_of, now = settings.as_of(), settings.now()
        build = Build(clinic.clinic_id, f"{as_of:%Y%m%d}-{context.run.run_id[:8]}", as_of, now)
        work = settings.work_path(clinic.clinic_id)
        ledger = open_ledger(settings.ledger())
        script, wrong = script_of(settings.exports_dir / clinic.clinic_id)
        for each in wrong:
            context.log.warning(each.shown(settings.exports_dir))
        _require_questionnaires(settings, clinic, wrong)
        night = Night(
            build,
            clinic,
            landing_dir=settings.landing_dir(),
            last_night=settings.published_path(clinic.clinic_id),
            rules=rules_of(transform.parse(settings.dbt_dir, settings.dbt_target_dir())),
            deliveries=deliveries_for_warehouse(ledger, clinic.clinic_id),
            unit_statistics=statistics_for_warehouse(ledger, clinic.clinic_id, as_of),
            blocks=blocks_for_warehouse(ledger, clinic.clinic_id, as_of),
            vetoes=vetoes_for_warehouse(ledger, clinic.clinic_id),
            audience_approvals=audiences_for_warehouse(ledger, clinic.clinic_id),
            room=room_of(ledger, clinic, now),
            overrides=overrides_for_warehouse(ledger, clinic.clinic_id),
            decisions=decisions_for_warehouse(ledger),
            chat=snapshot(accounts(ledger, clinic.clinic_id, as_of, script)),
            choices=script.choices(),
            contents=versions(settings.dbt_dir / "campaigns"),
            seeds=transform.seeded(settings.dbt_dir, settings.dbt_target_dir()),
        )
        rows = prepare(work, night)
        with duckdb.connect(str(work)) as con:
            feeds = profile_exports(con, clinic, settings.landing_dir(), as_of)
            results = [*run_suite("exports", feeds), *run_suite("uke", profile(con, "uke"))]
            write_verdicts(con, results)
        yield dg.MaterializeResult(
            metadata={"as_of": str(as_of), "build_id": build.build_id, **rows}
        )
        yield from _checks("warehouse_input", results, stops=True)

    @dg.asset(
        deps=["patient_tags", "tag_catalog", "patients_today", "segment_sizes"],
        group_name="checks",
        kinds={"greatexpectations"},
        partitions_def=partitions,
        pool="warehouse",
        check_specs=check_specs("audience_verdicts", ["audience", "segments"], partitions),
        description="タグと配信の対象者の検査。落ちたものに立つ配信だけが保留になり、ほかは止まらない。",
    )
    def audience_verdicts(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Events:
        with duckdb.connect(str(settings.work_path(context.partition_key))) as con:
            require_stage(con, "derived")
            tags = run_suite("audience", profile(con, "audience"))
            segments = run_suite("segments", profile(con, "segments"))
            con.execute("delete from checks.verdicts where scope in ('tag', 'campaign')").fetchall()
            write_verdicts(con, tags)
            write_verdicts(con, segments, subjects="campaign")
            write_approvals(con)
        results = [*tags, *segments]
        yield dg.MaterializeResult(metadata=_tally(results))
        yield from _checks("audience_verdicts", results, stops=False)

    @dg.asset(
        deps=["delivery_plan", "delivery_decisions"],
        group_name="checks",
        kinds={"greatexpectations"},
        partitions_def=partitions,
        pool="warehouse",
        check_specs=check_specs("plan_verdicts", ["plan"], partitions),
        description="LINEの手前の最後の検査: 未連携、死亡、テスト患者、配信数の上限。",
    )
    def plan_verdicts(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Events:
        with duckdb.connect(str(settings.work_path(context.partition_key))) as con:
            require_stage(con, "decided")
            results = run_suite("plan", profile(con, "plan"))
            write_verdicts(con, results)
        yield dg.MaterializeResult(metadata=_tally(results))
        yield from _checks("plan_verdicts", results, stops=True)

    @dg.asset(
        deps=[
            "plan_verdicts",
            "delivery_waterfall",
            "decision_events",
            "holdout_starts",
            "tag_counts",
            "tag_history",
        ],
        group_name="published",
        kinds={"duckdb"},
        partitions_def=partitions,
        pool="warehouse",
        check_specs=[stale_check_spec(partitions)],
        description="公開: すべての検査を通った夜だけが、一度に入れ替わる。",
    )
    def published_warehouse(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Events:
        clinic_id = context.partition_key
        path = settings.published_path(clinic_id)
        build = publish(settings.work_path(clinic_id), path)
        with duckdb.connect(str(path), read_only=True) as con:
            top_tags, results = _top_tags(con), _results(con)
        yield dg.MaterializeResult(
            metadata={
                "as_of": str(build.as_of),
                "build_id": build.build_id,
                "bytes": path.stat().st_size,
                "top_tags": dg.MetadataValue.md(top_tags),
                "results": dg.MetadataValue.md(results),
            }
        )
        yield fresh()

    return [warehouse_input, audience_verdicts, plan_verdicts, published_warehouse]


def _require_questionnaires(settings: Settings, clinic: Clinic, wrong: Sequence[Finding]) -> None:
    """Stop the night, with file and line, while a questionnaire cannot be read.

    Without it nobody knows what its answers mean, and whoever has a tag by them would lose it.
    """
    folder = settings.exports_dir / clinic.clinic_id / "questionnaires"
    broken = [each.shown(settings.exports_dir) for each in wrong if each.path.parent == folder]
    if broken:
        text = f"問診票を読めないため、前回の夜のタグのままです: {'; '.join(broken[:3])}"
        raise dg.Failure(text, allow_retries=False)


def _checks(asset: str, results: list[CheckResult], *, stops: bool) -> Events:
    for result in results:
        yield check_result(asset, result, stops=stops)


def _tally(results: list[CheckResult]) -> dict[str, int]:
    return {"checks": len(results), "failed": sum(not result.is_passed for result in results)}


def _results(con: duckdb.DuckDBPyConnection) -> str:
    return results_markdown("配信", pooled(campaign_results(con)))


def _top_tags(con: duckdb.DuckDBPyConnection) -> str:
    rows = con.execute(
        "select k.label_ja, c.has, c.gained, c.lost, c.unknown from tag_counts c"
        " join tag_catalog k on k.tag = c.tag order by c.has desc, c.tag limit 10"
    ).fetchall()
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(["| タグ | 該当 | 新規 | 解除 | 判定不能 |", "|---|---|---|---|---|", *lines])
