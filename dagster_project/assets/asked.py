"""What LINE is asked before a night is built; no answer, or none in time, stops no night."""

import dagster as dg

from dagster_project.clinic import clinic_in
from dagster_project.delivery.afford import ask_room, room_of
from dagster_project.delivery.channel import WrongChannelError
from dagster_project.delivery.statistics import Report, read_statistics, worth_a_request
from dagster_project.ledger.store import open_ledger
from dagster_project.line.credentials import CredentialError
from dagster_project.line.insight import Insights
from dagster_project.line.reach import NoSimulatorError, introduced
from dagster_project.settings import Settings

# Why a channel may not be asked: none is there, it is silent, it refuses, or it is another's.
UNASKED = (OSError, ValueError, CredentialError, NoSimulatorError, WrongChannelError)


def asked_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the questions of what the month has left, and of what became of messages."""

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
            room = ask_room(ledger, clinic, introduced(settings, clinic), now)
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
        group_name="line",
        partitions_def=partitions,
        pool="line",
        description="送った配信の開封とクリックの人数をLINEに尋ねて台帳に記す。"
        "尋ねきれない分は次の夜に回し、答えが無くても夜は止まらない。",
    )
    def line_insight(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        clinic = clinic_in(settings.exports_dir, context.partition_key)
        ledger, now = open_ledger(settings.ledger()), settings.now()
        due = worth_a_request(ledger, clinic.clinic_id, now)
        report = Report(left_for_next_night=len(due))
        if due:
            try:
                channel = Insights(introduced(settings, clinic))
                report = read_statistics(ledger, clinic, due, channel, now)
            except UNASKED as error:
                report.trouble = type(error).__name__
        return dg.MaterializeResult(metadata=vars(report))

    return [line_quota, line_insight]
