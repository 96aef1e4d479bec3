"""A review as staff read it on a terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dagster_project.ledger.tag_decisions import Recorded
from dagster_project.review.read import Review

ACTIONS = {"keep": "継続", "merge": "統合", "retire": "廃止"}


def render_review(console: Console, review: Review) -> None:
    """Print what is to be looked at, one line a finding, and how many others are kept."""
    console.print(f"業務日 {review.build.as_of}")
    if review.open:
        table = Table(box=None)
        for heading in ("タグ", "指摘", "根拠", "責任者", "すること"):
            table.add_column(heading, overflow="fold")
        for each in review.open:
            name = f"{each.label} ({each.tag})"
            cells = (name, each.finding_label, each.said, each.owner.strip() or "なし")
            table.add_row(*map(escape, (*cells, each.to_do)))
        console.print(table)
        console.print(
            f"{len(review.open)} 件。決めたら: tagline review decide タグ keep|merge|retire"
            " --reason 理由",
            highlight=False,
        )
    else:
        console.print("見直すタグはありません / nothing to review")
    if review.kept:
        console.print(f"継続と決めたもの: {len(review.kept)} 件", highlight=False)


def render_retired(console: Console, retired: Mapping[str, Recorded]) -> None:
    """Print which tags are retired or merged, since when and by whom."""
    for each in retired.values():
        into = f" ({each.into_tag} へ)" if each.into_tag else ""
        said = f"{ACTIONS[each.action]}{into}: {each.tag} {each.made_on} {each.made_by}"
        console.print(escape(said), highlight=False)
