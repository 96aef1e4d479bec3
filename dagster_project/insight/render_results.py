"""The results on a terminal and in Dagster: what was sent, opened, who came, and was it us."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from dagster_project.insight.results import Result
from dagster_project.insight.uplift import Uplift
from dagster_project.insight.wordings import AgainstA

HEADINGS = ("届いた", "反応", "来院", "配信による差 (95 %)")
NOT_TOLD = "まだ言えない"


def render_results(console: Console, title: str, first: str, results: Sequence[Result]) -> None:
    """Print a row for each result, named in the column `first`; where there is none, say so."""
    if not results:
        console.print("まだ結果がありません / no results yet")
        return
    table = Table(title=title, title_justify="left", box=None)
    table.add_column(first, overflow="fold")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for each in results:
        table.add_row(name_of(each), *("\n".join(lines) for lines in cells(each)))
    console.print(table)


def results_markdown(first: str, results: Sequence[Result]) -> str:
    """Return the same as a table in Markdown."""
    lines = [
        f"| {name_of(each)} | {' | '.join('、'.join(said) for said in cells(each))} |"
        for each in results
    ]
    rule = "|---" * (len(HEADINGS) + 1) + "|"
    return "\n".join([f"| {first} | {' | '.join(HEADINGS)} |", rule, *lines])


def cells(result: Result) -> list[list[str]]:
    """Return what a table says of a result under each of HEADINGS, line by line."""
    waiting = [f"集計前 {result.pending:,} 人"] if result.pending else []
    late = [f"遅れて届いた来院 {result.late_arrivals:,}"] if result.late_arrivals else []
    came = [f"来院 {result.visited}"]
    if result.variant is None:
        came.append(f"送らなかった人 {result.holdout}")
    return [
        [f"{result.sent:,} 人", *waiting],
        [f"開封 {result.opened}", f"クリック {result.clicked}", f"ブロック {result.blocked}"],
        [*came, *late],
        effect(result),
    ]


def effect(result: Result) -> list[str]:
    """Return what the messages did and what that cost, where it can be told; of text b, beside a.

    Of one wording nobody is left out, so that there is no effect of it to tell.
    """
    if result.variant is not None:
        return against(result.against_a)
    said = [interval(result.uplift)]
    if result.incremental_visits is not None:
        said.append(f"来院 約 {result.incremental_visits:+,.0f}")
    if result.yen_per_visit is not None:
        said.append(f"1来院 約 {result.yen_per_visit:,.0f} 円以下")
    return said


def against(found: AgainstA | None) -> list[str]:
    """Return how text b did beside text a, line by line."""
    if found is None:
        return []
    shares = {"開封": found.opened, "クリック": found.clicked, "来院": found.visited}
    return [f"aとの差 {label} {interval(each)}" for label, each in shares.items()]


def interval(found: Uplift | None) -> str:
    """Return an uplift as +5.0 ポイント (+0.6〜+9.4)."""
    if found is None:
        return NOT_TOLD
    return f"{found.points:+.1f} ポイント ({found.low:+.1f}〜{found.high:+.1f})"


def booked(result: Result) -> str:
    """Return how many visits were booked: unknown without a feed of bookings, never zero."""
    if not result.has_bookings:
        return "不明"
    return "−" if result.booked is None else f"{result.booked:,}"


def name_of(result: Result) -> str:
    """Return the campaign, tag or purpose, with its step, month and wording where it is of one."""
    step = f" {result.step} 回目" if result.step and result.step > 1 else ""
    month = f" {result.month:%Y-%m}" if result.month else ""
    variant = f" 文面 {result.variant}" if result.variant else ""
    return f"{result.label_ja}{step}{month}{variant}"
