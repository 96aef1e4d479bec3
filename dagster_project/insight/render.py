"""The summary of a night, as a clinic reads it on a terminal."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from dagster import AssetCheckEvaluation, AssetCheckSeverity
from rich.console import Console
from rich.table import Table

from dagster_project.delivery.reconcile import Reconciliation
from dagster_project.insight.summary import PublishedNight, TagCount, WaterfallStep


def render_published(console: Console, night: PublishedNight) -> None:
    """Print patients, tags and the decisions of each campaign as a waterfall."""
    console.print(
        f"患者 {night.patients:,} 人 / 業務日 {night.build.as_of} ({night.build.build_id})"
    )
    console.print(_tags(night.tags))
    console.print(_waterfall(night.waterfall))


def _tags(tags: Sequence[TagCount]) -> Table:
    table = Table(title="タグ", title_justify="left", box=None)
    table.add_column("タグ")
    for heading in ("該当", "新規", "解除", "判定不能"):
        table.add_column(heading, justify="right")
    for tag in tags:
        counts = (tag.has, tag.gained, tag.lost, tag.unknown)
        table.add_row(tag.label_ja, *(f"{count:,}" for count in counts))
    return table


def _waterfall(steps: Sequence[WaterfallStep]) -> Table:
    table = Table(title="配信の判定", title_justify="left", box=None)
    for heading in ("配信", "対象", "送らない理由", "送信"):
        table.add_column(heading, justify="left" if heading != "対象" else "right")
    for label, group in groupby(steps, key=lambda step: step.label_ja):
        members = list(group)
        skipped = [f"{s.reason_ja} {s.patients}" for s in members if s.reason != "send"]
        sent = sum(step.patients for step in members if step.reason == "send")
        total = sum(step.patients for step in members)
        table.add_row(label, f"{total:,}", "、".join(skipped) or "なし", f"{sent:,}")
    return table


def render_files(console: Console, files: Sequence[Mapping[str, object]]) -> None:
    """Print each file of tonight that was read or set aside, and where it went wrong."""
    landed = [file for file in files if file["status"] == "landed"]
    console.print(f"ファイル {len(files)} 件: 取込 {len(landed)}、隔離 {len(files) - len(landed)}")
    for file in files:
        if file["error"]:
            console.print(f"  [red]隔離[/] {file['name']}: {file['error']}", highlight=False)


def render_checks(console: Console, checks: Sequence[AssetCheckEvaluation]) -> None:
    """Print how many checks passed, and each that did not with what was found."""
    failed = [check for check in checks if not check.passed]
    console.print(f"検査 {len(checks)} 件: 合格 {len(checks) - len(failed)}、不合格 {len(failed)}")
    for check in failed:
        found = check.metadata.get("found")
        style = "red" if check.severity is AssetCheckSeverity.ERROR else "yellow"
        text = f"  [{style}]{check.check_name}[/]: {found.value if found else ''}"
        console.print(text, highlight=False)


def render_delivery(console: Console, ledger: Reconciliation) -> None:
    """Print the ledger's sum: everything ever planned has one fate."""
    console.print(
        f"台帳: 計画 {ledger.planned} = 送信済 {ledger.accepted} + 見送り {ledger.skipped}"
        f" + 期限切れ {ledger.expired} + 拒否 {ledger.rejected} + 不明 {ledger.unknown}"
        f" + 待ち {ledger.pending}",
        highlight=False,
    )
