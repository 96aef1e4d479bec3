"""The summary of a night, as a clinic reads it on a terminal."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from dagster import AssetCheckEvaluation, AssetCheckSeverity
from rich.console import Console
from rich.table import Table

from dagster_project.delivery.reconcile import Reconciliation
from dagster_project.insight.flow import flow_of
from dagster_project.insight.summary import PublishedNight, TagCount, WaterfallStep


def render_published(console: Console, night: PublishedNight) -> None:
    """Print patients, tags and the decisions of each campaign as a waterfall."""
    console.print(
        f"患者 {night.patients:,} 人 / 業務日 {night.build.as_of} ({night.build.build_id})"
    )
    console.print(_tags(night.tags, night.patients))
    console.print(_waterfall(night.waterfall))


def _tags(tags: Sequence[TagCount], patients: int) -> Table:
    table = Table(title="タグ", title_justify="left", box=None)
    table.add_column("タグ")
    for heading in ("該当", "新規", "解除", "判定不能"):
        table.add_column(heading, justify="right")
    for tag in tags:
        label = f"{tag.label_ja} (規則が変わった夜)" if tag.is_rule_changed else tag.label_ja
        counts = (f"{count:,}" for count in (tag.has, tag.gained, tag.lost))
        share = 100 * tag.unknown / patients if patients else 0
        table.add_row(label, *counts, f"{tag.unknown:,} ({share:.0f} %)")
    return table


def _waterfall(steps: Sequence[WaterfallStep]) -> Table:
    """Return each campaign's members, falling reason by reason to those who are written to."""
    table = Table(title="配信の判定 (対象 → 残り)", title_justify="left", box=None)
    table.add_column("配信", overflow="fold")
    table.add_column("人数の流れ", overflow="fold")
    table.add_column("送信", justify="right", no_wrap=True)
    for (_, label), group in groupby(steps, key=lambda step: (step.campaign, step.label_ja)):
        flow = flow_of(list(group))
        lines = [f"対象 {flow.members:,}"]
        lines += [f"{each.reason_ja} -{each.taken:,} → {each.left:,}" for each in flow.falls]
        # Beside the members: whom nobody can place is a matter of the records.
        lines += [f"ほかに{each.reason_ja} {each.patients:,}" for each in flow.beside]
        table.add_row(label, "\n".join(lines), f"{flow.sent:,}")
    return table


def render_files(console: Console, files: Sequence[Mapping[str, object]]) -> None:
    """Print each file of tonight that was read or set aside, and where it went wrong."""
    landed = [file for file in files if file["status"] == "landed"]
    console.print(f"ファイル {len(files)} 件: 取込 {len(landed)}、隔離 {len(files) - len(landed)}")
    for file in files:
        if file["error"]:
            console.print(f"  [red]隔離[/] {file['name']}: {file['error']}", highlight=False)


def render_checks(console: Console, checks: Sequence[AssetCheckEvaluation]) -> None:
    """Print how many checks passed, and each that did not: what it says, what was found."""
    failed = [check for check in checks if not check.passed]
    console.print(f"検査 {len(checks)} 件: 合格 {len(checks) - len(failed)}、不合格 {len(failed)}")
    for check in failed:
        style = "red" if check.severity is AssetCheckSeverity.ERROR else "yellow"
        line = f"  [{style}]{check.check_name}[/]: {check.description or ''}"
        console.print(line, highlight=False)
        found = check.metadata.get("found")
        for row in str(found.value if found else "").split("; "):
            console.print(f"    {row}", highlight=False)


def render_delivery(
    console: Console, sent: Mapping[str, object] | None, ledger: Reconciliation
) -> None:
    """Print why nothing was sent or what was, and the ledger's sum: each plan has one fate."""
    if sent and sent["gate"] != "open":
        console.print(f"送信しませんでした: {sent['gate']}")
    elif sent:
        console.print(
            f"今回の送信: {sent['accepted']} 人。直前の再確認で見送り {sent['refused_at_gate']}、"
            f"次回へ {sent['deferred']}、応答待ち {sent['unsettled']}",
            highlight=False,
        )
        if sent["deferred_by_quota"]:
            console.print(f"  今月の残り通数に入らず翌月以降へ {sent['deferred_by_quota']}")
        if sent["stopped"] != "no":
            console.print(f"  [red]途中で止まりました: {sent['stopped']}[/]")
    console.print(
        f"台帳: 計画 {ledger.planned} = 送信済 {ledger.accepted} + 見送り {ledger.skipped}"
        f" + 期限切れ {ledger.expired} + 拒否 {ledger.rejected} + 不明 {ledger.unknown}"
        f" + 待ち {ledger.pending}",
        highlight=False,
    )
