"""A back-test on a terminal: its nights, then what they come to by month and by step."""

from rich.console import Console
from rich.table import Table

from dagster_project.backtest.nights import Backtest
from dagster_project.backtest.outcome import Total
from dagster_project.insight.shares import Share

# What a reader has to know to read the figures right.
NOTES = """\
来院は公開された {told_until} の夜までに分かったもの。
送信の翌日から期間の最後の日までを数え、その日が過ぎるまでは集計前。
連携、同意、タグ、予約は、その夜に分かっていたもの。規則と clinic.yaml は今日のもの。
検査による保留、人による差し止め、残り通数、ほかの配信との重なりは数えていません。"""


def render_backtest(console: Console, found: Backtest, monthly_limit: int | None) -> None:
    """Print how each night would have been, the sums, and what was and was not counted."""
    console.print(_nights(found))
    console.print(_totals(found, monthly_limit))
    which = "公開された夜" if found.is_of_published else "夜 (公開された夜がないので毎日)"
    days = f"{found.nights[0].day} から {found.nights[-1].day} まで"
    console.print(f"{which} {len(found.nights)}、{days}", highlight=False)
    console.print(NOTES.format(told_until=found.told_until), highlight=False)


def _nights(found: Backtest) -> Table:
    table = Table(title="夜ごと", box=None)
    table.add_column("夜", no_wrap=True)
    for heading in ("対象", "送信(人)", "送信(通)"):
        table.add_column(heading, justify="right")
    table.add_column("送らない理由 (人)", overflow="fold")
    for night in found.nights:
        kept_back = (
            f"{label} {night.reasons[reason]:,}"
            for reason, label in found.labels.items()
            if reason != "send" and reason in night.reasons
        )
        counts = (night.members, night.reasons.get("send", 0), night.messages)
        table.add_row(str(night.day), *(f"{count:,}" for count in counts), "、".join(kept_back))
    return table


def _totals(found: Backtest, monthly_limit: int | None) -> Table:
    table = Table(title="合計", box=None)
    table.add_column("月、回")
    for heading in (
        "通数",
        "月の上限のうち",
        "患者のべ",
        "人",
        "集計前",
        "期間が終わった",
        "うち来院",
    ):
        table.add_column(heading, justify="right", overflow="fold")
    steps = sum(total.step is not None for total in found.totals)
    for total in found.totals:
        if total.step is None or steps > 1:
            table.add_row(
                _name(total),
                f"{total.messages:,}",
                _of_limit(total, monthly_limit),
                *(f"{count:,}" for count in (total.told, total.people, total.pending)),
                f"{total.told - total.pending:,}",
                _came(total),
            )
    return table


def _name(total: Total) -> str:
    if total.month:
        return f"{total.month:%Y-%m}"
    return "計" if total.step is None else f"{total.step}回目"


def _of_limit(total: Total, monthly_limit: int | None) -> str:
    if total.month is None:
        return ""
    return f"{100 * total.messages / monthly_limit:.1f} %" if monthly_limit else "上限なし"


def _came(total: Total) -> str:
    came = total.came
    return f"{came.count:,} ({came})" if isinstance(came, Share) else str(came)
