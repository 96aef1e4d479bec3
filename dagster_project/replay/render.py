"""A replay as people read it on a terminal: a line a night, then what differs and why."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dagster_project.replay.compare import Cause, NightCheck, TagDifference

CAUSES: dict[Cause, str] = {
    "rule": "規則の変更による",
    "settings": "clinic.yaml の変更による",
    "fault": "説明できない",
}


def render_replay(
    console: Console, nights: Sequence[NightCheck], labels: Mapping[str, str]
) -> None:
    """Print how each night came out, and of each tag that differs since when and why."""
    table = Table(box=None)
    table.add_column("夜")
    for heading in ("公開", "再現", "同じ", *CAUSES.values()):
        table.add_column(heading, justify="right", overflow="fold")
    for night in nights:
        if night.then is None:
            table.add_row(str(night.day), "公開なし", f"{night.again:,}", "", "", "", "")
            continue
        differing = (f"{night.differing(cause):,}" for cause in CAUSES)
        counts = (f"{count:,}" for count in (night.then, night.again, night.same))
        table.add_row(str(night.day), *counts, *differing)
    console.print(table)
    for line in _lines(nights, labels):
        console.print(f"  {escape(line)}", highlight=False)
    console.print(_verdict(nights), highlight=False)


def _lines(nights: Sequence[NightCheck], labels: Mapping[str, str]) -> list[str]:
    found = [(each, night.day) for night in nights for each in night.differences]
    found.sort(key=lambda pair: _kind(pair[0]))
    lines = []
    for _, pairs in groupby(found, key=lambda pair: _kind(pair[0])):
        days: list[date] = []
        differences: list[TagDifference] = []
        for each, day in pairs:
            differences.append(each)
            days.append(day)
        lines.append(_line(differences, days, labels))
    return lines


def _kind(each: TagDifference) -> tuple[str, str, str, str]:
    return each.cause, each.tag, each.version_then or "", each.version_now or ""


def _line(
    differences: Sequence[TagDifference], days: Sequence[date], labels: Mapping[str, str]
) -> str:
    first = differences[0]
    named = f"{labels[first.tag]} ({first.tag})" if first.tag in labels else first.tag
    when = str(days[0]) if len(days) == 1 else f"{days[0]}〜{days[-1]} の {len(days)} 夜"
    gone, come = (sum(getattr(d, at) for d in differences) for at in ("only_then", "only_again"))
    counts = f"公開のみ {gone}、再現のみ {come}"
    if other := sum(each.otherwise for each in differences):
        counts += f"、内容の違い {other}"
    if first.cause == "rule":
        now = first.version_now or "なし / gone"
        why = f"規則 / rule {first.version_then or 'なし / none'} → {now}"
    else:
        why = f"{CAUSES[first.cause]}、患者 {', '.join(first.patients)}"
    return f"{named}: {when}、{counts}、{why}"


def _verdict(nights: Sequence[NightCheck]) -> str:
    compared = [night for night in nights if night.then is not None]
    if not compared:
        return "この期間に公開された夜はなく、比べるものがありません / nothing to compare with"
    if any(night.differing("fault") for night in compared):
        return (
            "[bold red]規則の変更では説明できない違いがあります"
            " / differences that no change of a rule explains[/]"
        )
    if any(night.differences for night in compared):
        return "違いはすべて変更で説明できます / every difference is explained by a change"
    return f"{len(compared)} 夜すべて公開と同じです / as published, every night"
