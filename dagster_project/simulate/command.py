"""`tagline simulate`: a campaign's nights on the terminal, those on which something happened."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from dagster_project import transform
from dagster_project.clinics import fail
from dagster_project.exit_codes import OK
from dagster_project.settings import Settings
from dagster_project.simulate.nights import NightCount, SimulateError, simulate

EVENTS_JA = {
    "entered": "参加",
    "goal": "来院",
    "blocked": "ブロック",
    "stopped": "同意取消",
    "completed": "完了",
    "left": "対象外",
    "lapsed": "期限切れ",
    "passed": "飛ばした",
}


def run_simulate(
    settings: Settings, campaign: str, nights: int, patients: int, seed: int, console: Console
) -> int:
    """Print what would happen night by night, and the sum; FAILED for an unknown campaign."""
    try:
        manifest = transform.parse_again(settings.dbt_dir, settings.dbt_target_dir())
        counts = list(simulate(settings, manifest, campaign, nights, patients, seed))
    except transform.DbtError as error:
        return fail(console, f"dbt: {error}")
    except SimulateError as error:
        return fail(console, str(error))
    console.print(
        f"{campaign}: 架空の患者 {patients} 人、{nights} 夜 ({counts[0].day} から)、seed {seed}"
    )
    _render(counts, console)
    return OK


def _render(counts: Iterable[NightCount], console: Console) -> None:
    listed = list(counts)
    events: Counter[str] = Counter()
    sent: Counter[int] = Counter()
    variants: Counter[str] = Counter()
    for night in listed:
        events.update(night.events)
        sent.update(night.sent)
        variants.update(night.variants)
    shown = [name for name in EVENTS_JA if events[name]]
    steps = sorted(sent)
    table = Table()
    for title in (
        "夜",
        *(EVENTS_JA[name] for name in shown),
        *(f"{n}回目" for n in steps),
        "進行中",
    ):
        table.add_column(title, justify="right")
    for night in listed:
        if night.events or night.sent:
            cells = [night.events.get(name, 0) for name in shown]
            cells += [night.sent.get(step, 0) for step in steps]
            table.add_row(str(night.day), *(str(n or "") for n in cells), str(night.active))
    totals = [*(events[name] for name in shown), *(sent[step] for step in steps)]
    table.add_section()
    table.add_row("計", *map(str, totals), str(listed[-1].active))
    console.print(table)
    late = sum(night.late for night in listed)
    console.print(
        f"送信 {sum(sent.values())} 通、目標の来院 {events['goal']} 人、"
        f"遅れて分かった来院 (late arrival): {late}、進行中 {listed[-1].active} 人"
    )
    if len(variants) > 1:
        said = "、".join(f"{variant} {count} 通" for variant, count in sorted(variants.items()))
        console.print(f"A/Bテスト: {said}")
