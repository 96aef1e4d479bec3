"""Tonight's plan into the ledger, and the one asset that sends."""

from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from dagster_project.alerts import deliver_now
from dagster_project.clinic import clinic_in
from dagster_project.conversation.script import Script, script_of
from dagster_project.delivery.approval import campaigns_in
from dagster_project.delivery.channel import prove
from dagster_project.delivery.deferral import deferred_in, say_what_is_deferred
from dagster_project.delivery.plan import PlanRow, plan_night
from dagster_project.delivery.run import deliver
from dagster_project.delivery.send import ASLEEP, HELD
from dagster_project.delivery.sweep import doubtful, expire_missed, settle_doubtful
from dagster_project.delivery.watchdog import watch
from dagster_project.forget.door import door_of
from dagster_project.forget.forget import purge
from dagster_project.forget.hashes import read_key
from dagster_project.ingest import ingest_clinic
from dagster_project.ingest.reachability import reachable
from dagster_project.ingest.visitors import last_visits
from dagster_project.ledger.chat_snapshot import snapshot
from dagster_project.ledger.conversation import accounts
from dagster_project.ledger.heard import heard_from
from dagster_project.ledger.overrides import lapse
from dagster_project.ledger.retention import retire
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.line.connect import connect
from dagster_project.line.simulated import introduce
from dagster_project.line.wordings import wordings
from dagster_project.publish import build_of
from dagster_project.settings import Settings, watched

# Everything else that stops a sender early is trouble, and shows as a failed run.
NO_TROUBLE = {
    None,
    "quota",
    "units",
    HELD,
    ASLEEP,
    "another sender is at work",
    "another sender took over",
}

A_YEAR = 366  # days; no campaign asks further back for a visit


def line_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the plan and the send, both on the published file only, and the sweep after them."""

    @dg.asset(
        deps=["published_warehouse"],
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="今朝の配信計画: 公開された判定をそのまま台帳に書き、翌朝まで変えない。"
        "期限の切れた手入力のタグもここで台帳に記し、保存期間を過ぎた記録を消す。",
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
            put_off = deferred_in(con)
        rows = [PlanRow(*row) for row in found]
        ledger, now = open_ledger(settings.ledger()), settings.now()
        summary = plan_night(ledger, rows, build, now, read_key(settings.forget_key_path()))
        if put_off:
            with writing(ledger, clinic_id) as con:
                say_what_is_deferred(con, clinic_id, build.as_of, put_off, now)
        # Only here is it true: the night without them is published.
        lapsed = lapse(ledger, clinic_id, build.as_of, now)
        limits = clinic_in(settings.exports_dir, clinic_id).retention
        script, _ = script_of(settings.exports_dir / clinic_id)
        retired = retire(ledger, clinic_id, limits, build.as_of, script)
        kept_no_longer = {f"retired_{kind}": count for kind, count in vars(retired).items()}
        figures = {
            **vars(summary),
            "deferred_by_quota": put_off,
            "overrides_lapsed": lapsed,
            **kept_no_longer,
        }
        return dg.MaterializeResult(metadata={"as_of": str(build.as_of), **figures})

    @dg.asset(
        deps=[morning_plan],
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="LINEへの唯一の出口。送る瞬間に、日付、時間帯、同意、ブロックをもう一度確かめる。",
    )
    def line_delivery(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        clinic = clinic_in(settings.exports_dir, context.partition_key)
        folder = settings.exports_dir / clinic.clinic_id
        # Whoever blocked or withdrew since the night is in tonight's link export.
        ledger = open_ledger(settings.ledger())
        purge(settings, ledger, clinic.clinic_id)  # a ledger from a backup may know too many
        door = door_of(settings, ledger, clinic.clinic_id)
        ingest_clinic(clinic, folder, settings.landing_dir(), settings.as_of(), door)
        path = settings.published_path(clinic.clinic_id)
        if settings.line == "simulator" and settings.simulator_url and path.exists():
            introduce(settings.simulator_url, clinic, *_friends(path))
        campaigns_dir = settings.dbt_dir / "campaigns"
        # Whoever blocked, stopped or unlinked in the chat a second ago is in the ledger.
        heard = heard_from(ledger, clinic.clinic_id)
        chat = snapshot(accounts(ledger, clinic.clinic_id, date.max, Script()))
        report = deliver(
            ledger,
            clinic,
            path,
            reachable(settings.landing_dir(), clinic, settings.as_of(), chat),
            wordings(campaigns_dir),
            connect(settings, clinic),
            settings.now,
            campaigns=campaigns_in(campaigns_dir),
            is_live=settings.line == "live",
            last_visits=last_visits(settings.landing_dir(), clinic, settings.as_of(), A_YEAR),
            heard=heard,
        )
        deliver_now(settings, clinic)
        if report.sent.stopped not in NO_TROUBLE:
            raise dg.Failure(
                f"sending stopped early: {report.sent.stopped}",
                metadata=report.as_metadata(),
                allow_retries=False,
            )
        return dg.MaterializeResult(metadata=report.as_metadata())

    @dg.asset(
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="送信の後始末: 期限を過ぎたものを閉じ、届いたかをLINEの一覧で確かめ、"
        "未了があれば知らせる。何も送らない。",
    )
    def line_sweep(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        clinic = clinic_in(settings.exports_dir, context.partition_key)
        ledger, now = open_ledger(settings.ledger()), settings.now()
        expired = expire_missed(ledger, clinic.clinic_id, now)
        overdue = doubtful(ledger, clinic.clinic_id, now)
        proved = flagged = 0
        if overdue:
            channel = connect(settings, clinic)
            prove(channel, clinic)
            proved, flagged = settle_doubtful(ledger, clinic.clinic_id, overdue, channel, now)
        found = watch(ledger, clinic, now, watched(settings, clinic.clinic_id, now))
        deliver_now(settings, clinic)
        return dg.MaterializeResult(
            metadata={
                "expired": expired,
                "proved_to_be_sent": proved,
                "unknown": flagged,
                "alerts": ", ".join(each.kind for each in found) or "none",
            }
        )

    return [morning_plan, line_delivery, line_sweep]


def _friends(path: Path) -> tuple[list[str], list[str]]:
    """Return who follows and who blocked, for the simulator to know them."""
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute(
            "select distinct line_user_id, is_following from stg_line_links"
        ).fetchall()
    return [user for user, is_following in rows if is_following], [
        user for user, is_following in rows if not is_following
    ]
