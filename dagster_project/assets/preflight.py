"""What LINE is asked before anything is sent: the month's quota at night, and the last look."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.alerts import deliver_now
from dagster_project.clinic import clinic_in
from dagster_project.delivery.afford import ask_room, room_of
from dagster_project.delivery.channel import WrongChannelError
from dagster_project.ledger.preflight import WHAT_JA
from dagster_project.ledger.store import open_ledger
from dagster_project.line.credentials import CredentialError
from dagster_project.line.reach import NoSimulatorError, account_of
from dagster_project.line.simulated import introduce
from dagster_project.preflight import look_now
from dagster_project.settings import Settings

# Why a channel may not be asked: none is there, it is silent, it refuses, or it is another's.
UNASKED = (OSError, ValueError, CredentialError, NoSimulatorError, WrongChannelError)
READY = "channel_is_ready"


def preflight_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the question of what the month has left, and the last look before the window."""

    @dg.asset(
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="今月の残り通数をLINEに尋ねて台帳に記す。答えが無くても夜は止まらない。",
    )
    def line_quota(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        clinic = clinic_in(settings.exports_dir, context.partition_key)
        ledger, now = open_ledger(settings.ledger()), settings.now()
        trouble = "none"
        try:
            if settings.line == "simulator" and settings.simulator_url:
                introduce(settings.simulator_url, clinic, [], [])
            room = ask_room(ledger, clinic, account_of(settings, clinic), now)
        except UNASKED as error:
            # Its text may name accounts; what kind of trouble it was is enough here.
            trouble = type(error).__name__
            room = room_of(ledger, clinic, now)
        return dg.MaterializeResult(
            metadata={
                "left": "no limit or unknown" if room.left is None else room.left,
                "read_at": str(room.read_at or "not this month"),
                "trouble": trouble,
            }
        )

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

    return [line_quota, line_preflight]
