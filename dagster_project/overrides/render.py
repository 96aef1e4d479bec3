"""Overrides as staff read them on a terminal."""

from collections.abc import Mapping, Sequence
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dagster_project.ledger.overrides import Override

ACTIONS = {"add": "付ける", "remove": "外す"}


def render_overrides(
    console: Console, overrides: Sequence[Override], labels: Mapping[str, str], as_of: date
) -> None:
    """Print one line for each override, and how it stands on a day."""
    if not overrides:
        console.print("手で付け外ししたタグはありません / none")
        return
    table = Table(box=None)
    for heading in ("番号", "患者", "タグ", "", "理由", "記入者", "記入日", "期限", "状態"):
        table.add_column(heading, overflow="fold")
    for each in overrides:
        tag = f"{labels[each.tag]} ({each.tag})" if each.tag in labels else each.tag
        cells = (str(each.id), each.patient_id, tag, ACTIONS[each.action], each.reason)
        days = (str(each.made_on), str(each.expires_on), standing(each, as_of))
        table.add_row(*map(escape, (*cells, each.made_by, *days)))
    console.print(table)


def standing(each: Override, as_of: date) -> str:
    """Return how an override stands on a day."""
    if each.withdrawn_on:
        return f"取消 {each.withdrawn_on}"
    if each.lapsed_on:
        return f"失効 {each.lapsed_on}"
    if each.expires_on < as_of:
        return "期限切れ"
    return "有効" if each.made_on <= as_of else "これから"
