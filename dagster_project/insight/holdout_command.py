"""`tagline plan-holdout`: how large a holdout it takes at each clinic, before it is set."""

from collections.abc import Sequence

import duckdb
from rich.console import Console
from rich.table import Table

from dagster_project.clinics import each_published
from dagster_project.exit_codes import OK
from dagster_project.insight.holdout_plan import MONTHS, SHARES, HoldoutPlan, holdout_plans
from dagster_project.insight.uplift import POWER
from dagster_project.settings import Settings


def run_plan_holdout(settings: Settings, clinics: Sequence[str], console: Console) -> int:
    """Print, for each clinic and campaign, the smallest effect that would show, and when."""

    def one(_: str, con: duckdb.DuckDBPyConnection) -> int:
        console.print(_table(holdout_plans(con)))
        console.print(
            f"数字は、その月数で {POWER:.0%} の見込みで見分けられる最小の差 (ポイント、95 % 区間)。"
            "「-」はまだ何も言えない。",
            highlight=False,
        )
        return OK

    return each_published(settings, clinics, console, one)


def _table(plans: Sequence[HoldoutPlan]) -> Table:
    shares = " / ".join(f"{share:.0%}" for share in SHARES)
    title = f"送らない人を {shares} としたとき見分けられる差"
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("配信", overflow="fold")
    for heading in ("対象/月", "自然来院", *(f"{months}か月" for months in MONTHS)):
        table.add_column(heading, justify="right", overflow="fold")
    for plan in plans:
        people = f"{plan.people_a_month:,.0f}{'' if plan.is_measured else ' (今夜)'}"
        base = f"{plan.base:.0%}{'' if plan.is_base_measured else ' (仮定)'}"
        found = [[plan.points[share, months] for share in SHARES] for months in MONTHS]
        table.add_row(plan.label_ja, people, base, *(_cell(each) for each in found))
    return table


def _cell(points: Sequence[float | None]) -> str:
    return " / ".join("-" if each is None else f"{each:.1f}" for each in points)
