"""A review as staff read it on a terminal."""

from collections.abc import Mapping
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dagster_project.ledger.tag_decisions import Recorded
from dagster_project.review.read import Review

ACTIONS = {"keep": "継続", "merge": "統合", "retire": "廃止"}


def render_review(console: Console, review: Review) -> None:
    """Print what is to be looked at, finding by finding, and how many others are kept."""
    console.print(f"業務日 {review.build.as_of}")
    for (finding, to_do), group in groupby(review.open, lambda it: (it.finding_label, it.to_do)):
        found = list(group)
        console.print(f"\n[bold]{escape(finding)}[/] {len(found)} 件。{escape(to_do)}")
        table = Table(box=None)
        for heading in ("タグ", "根拠", "責任者"):
            table.add_column(heading, overflow="fold")
        for each in found:
            name = f"{each.label} ({each.tag})"
            table.add_row(*map(escape, (name, each.said, each.owner.strip() or "なし")))
        console.print(table)
    if review.open:
        console.print(
            f"\n計 {len(review.open)} 件。決めたら:"
            " tagline review decide タグ keep|merge|retire --reason 理由",
            highlight=False,
        )
    else:
        console.print("見直すタグはありません / nothing to review")
    if review.proposals:
        console.print(f"\n[bold]患者の希望から、タグの提案[/] {len(review.proposals)} 件。"
                      "責任者が決まるまで使われません。")  # fmt: skip
        for wish in review.proposals:
            console.print(
                f"{escape(wish.label)} ({wish.tag}): {wish.people} 人、"
                f"{wish.first_on} から {wish.last_on}。作るとき: tagline new tag {wish.tag}",
                highlight=False,
            )
    if review.kept:
        console.print(f"継続と決めたもの: {len(review.kept)} 件", highlight=False)


def render_retired(console: Console, retired: Mapping[str, Recorded]) -> None:
    """Print which tags are retired or merged, since when and by whom."""
    for each in retired.values():
        into = f" ({each.into_tag} へ)" if each.into_tag else ""
        said = f"{ACTIONS[each.action]}{into}: {each.tag} {each.made_on} {each.made_by}"
        console.print(escape(said), highlight=False)
