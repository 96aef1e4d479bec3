"""What runs when: nightly at 02:00, send in its window, sweep after it, build on new exports."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import dagster as dg

from dagster_project.alerts import targets
from dagster_project.assets.failed import tell_failure
from dagster_project.assets.stale import mark_stale
from dagster_project.clinic import MORNING, ClinicError, clinic_ids, clinic_in
from dagster_project.delivery.waiting import is_missed, is_overdue, is_under_way, is_waiting
from dagster_project.delivery.watchdog import has_news
from dagster_project.ledger.alerts import is_untold
from dagster_project.ledger.store import open_ledger
from dagster_project.publish import LAYOUT, read_build
from dagster_project.settings import TOKYO, Settings, watched

SEND = dg.AssetSelection.assets("line_delivery")
SWEEP = dg.AssetSelection.assets("line_sweep")


def jobs(partitions: dg.PartitionsDefinition) -> list[Any]:
    """Return the nightly and the sweep, which never send, the send, and the morning sheet."""
    return [
        dg.define_asset_job(
            "nightly",
            selection=dg.AssetSelection.all() - SEND - SWEEP,
            partitions_def=partitions,
            hooks={mark_stale, tell_failure},
            description="エクスポートの取込からタグ、判定、検査、公開、今朝の計画まで。送信はしない。",
        ),
        dg.define_asset_job(
            "send",
            selection=SEND,
            partitions_def=partitions,
            hooks={tell_failure},
            description="公開済みの計画を、送信時間内にだけ送る。",
        ),
        dg.define_asset_job(
            "sweep",
            selection=SWEEP,
            partitions_def=partitions,
            hooks={tell_failure},
            description="送信の後始末と見張り。何も送らない。",
        ),
        dg.define_asset_job(
            "morning",
            selection=dg.AssetSelection.assets("line_preflight", "morning_sheet"),
            partitions_def=partitions,
            hooks={tell_failure},
            description="送信の準備を確かめ、朝の確認表を書く。今日の夜が公開されている医院について。",
        ),
    ]


def schedules(
    settings: Settings, partitions: dg.StaticPartitionsDefinition
) -> list[dg.ScheduleDefinition]:
    """Return the nightly at 02:00, the sheet at 07:30, the send and the sweep every ten minutes.

    All in Asia/Tokyo.

    The sweep is asked for only where something is left to settle, or to tell. The send
    looks at each clinic's own window, closed days and ledger before it asks for a run, and
    the gate looks again: a daemon restarted late fires the tick it missed.
    """

    def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        for clinic_id in _loaded(settings, partitions):
            yield dg.RunRequest(
                run_key=f"{context.scheduled_execution_time:%Y%m%d%H%M}-{clinic_id}",
                partition_key=clinic_id,
            )

    def to_send(clinic_id: str, at: datetime) -> bool:
        ledger = open_ledger(settings.ledger())
        may_send = _may_send(clinic_id, at) and is_waiting(ledger, clinic_id)
        return may_send or is_under_way(ledger, clinic_id)

    def to_sweep(clinic_id: str, at: datetime) -> bool:
        ledger = open_ledger(settings.ledger())
        if is_missed(ledger, clinic_id, at) or is_overdue(ledger, clinic_id, at):
            return True
        try:
            clinic = clinic_in(settings.exports_dir, clinic_id)
        except ClinicError:
            return False
        return has_news(ledger, clinic, at, watched(settings, clinic_id, at)) or is_untold(
            ledger, clinic_id, targets(clinic.alerts), at
        )

    def to_show(clinic_id: str, at: datetime) -> bool:
        build = read_build(settings.published_path(clinic_id))
        today = at.astimezone(TOKYO).date()
        return build is not None and build.layout == LAYOUT and build.as_of == today

    def _may_send(clinic_id: str, at: datetime) -> bool:
        try:
            return clinic_in(settings.exports_dir, clinic_id).may_send_at(at)
        except ClinicError:
            return False  # its nightly says what is wrong with it

    def asks_where(
        is_ready: Callable[[str, datetime], bool], otherwise: str
    ) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest | dg.SkipReason]]:
        """Return what asks for a run of each clinic that is ready, or says why for none."""

        def ask(
            context: dg.ScheduleEvaluationContext,
        ) -> Iterator[dg.RunRequest | dg.SkipReason]:
            at = settings.at or context.scheduled_execution_time  # a pretended hour is one for all
            ready = [each for each in _loaded(settings, partitions) if is_ready(each, at)]
            for clinic_id in ready:
                key = f"{at:%Y%m%d%H%M}-{clinic_id}"
                yield dg.RunRequest(run_key=key, partition_key=clinic_id)
            if not ready:
                yield dg.SkipReason(otherwise)

        return ask

    send = asks_where(to_send, "送信時間内に送るものがある医院はありません")
    sweep = asks_where(to_sweep, "後始末の要る医院はありません")
    morning = asks_where(to_show, "今日の夜が公開されている医院はありません")
    return [
        dg.ScheduleDefinition(
            name,
            job_name=job,
            cron_schedule=cron,
            execution_fn=asks,
            execution_timezone="Asia/Tokyo",
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        for name, job, cron, asks in (
            ("nightly_at_two", "nightly", "0 2 * * *", nightly),
            ("send_window", "send", "*/10 * * * *", send),
            ("sweep_every_ten_minutes", "sweep", "*/10 * * * *", sweep),
            ("morning_sheet_at_half_past_seven", "morning", f"{MORNING:%M %H} * * *", morning),
        )
    ]


def new_exports_sensor(
    settings: Settings, partitions: dg.StaticPartitionsDefinition
) -> dg.SensorDefinition:
    """Return the sensor that rebuilds a clinic when its folder changed; it never sends."""

    @dg.sensor(
        job_name="nightly",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def new_exports(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        seen = dict(item.split("=", 1) for item in (context.cursor or "").split() if "=" in item)
        now = {each: _fingerprint(settings, each) for each in _loaded(settings, partitions)}
        changed = [clinic for clinic, mark in now.items() if seen.get(clinic) != mark]
        for clinic in changed:
            yield dg.RunRequest(run_key=f"{clinic}-{now[clinic]}", partition_key=clinic)
        if not changed:
            yield dg.SkipReason("新しいエクスポートはありません")
        context.update_cursor(" ".join(f"{clinic}={mark}" for clinic, mark in now.items()))

    return new_exports


def _loaded(settings: Settings, partitions: dg.StaticPartitionsDefinition) -> list[str]:
    """Return the clinics Dagster knows: one added since needs "Reload definitions" first.

    A request for another would fail the whole tick, and with it every clinic's night.
    """
    known = set(partitions.get_partition_keys())
    return [each for each in clinic_ids(settings.exports_dir) if each in known]


def _fingerprint(settings: Settings, clinic_id: str) -> str:
    """Return names, sizes and times of a folder's files as one short number."""
    files = sorted(p for p in (settings.exports_dir / clinic_id).rglob("*") if p.is_file())
    marks = "|".join(f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files)
    return hashlib.sha256(marks.encode()).hexdigest()[:16]
