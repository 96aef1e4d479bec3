"""The summary of a night: a campaign is one waterfall, whatever its neighbours' priority."""

import re
from io import StringIO
from pathlib import Path

from report_tables import TONIGHT, installed
from results_tables import CAMPAIGN, Laid
from rich.console import Console

from dagster_project.insight.render import render_published
from dagster_project.insight.summary import read_published

WATERFALL = [
    ("b", "unknown", 1, 33), ("a", "unknown", 1, 11),
    ("b", "no_link", 6, 2), ("a", "no_link", 6, 9),
    ("b", "send", 99, 5), ("a", "send", 99, 7),
]  # fmt: skip


def test_campaigns_of_one_priority_are_each_one_waterfall(parsed: Path, tmp_path: Path) -> None:
    laid = Laid(parsed)
    for name in ("a", "b"):
        laid.lay("campaigns", {**CAMPAIGN, "campaign": name, "label_ja": f"配信{name}"})
    laid.con.execute(
        "create table delivery_waterfall"
        " (campaign varchar, reason varchar, rank integer, patients bigint)"
    )
    laid.con.executemany("insert into delivery_waterfall values (?, ?, ?, ?)", WATERFALL)
    laid.con.execute(
        "create table decision_reasons as select distinct reason, reason as label_ja"
        " from delivery_waterfall"
    )
    laid.con.execute("create table patients_today (patient_id varchar)")
    for column in ("has bigint", "gained bigint", "lost bigint", "is_rule_changed boolean"):
        laid.con.execute(f"alter table tag_counts add column {column}")
    laid.con.execute("alter table tag_catalog add column family varchar")
    laid.night(TONIGHT)
    night = read_published(installed(laid, tmp_path).published_path("here"))
    assert night is not None
    text = StringIO()
    render_published(Console(file=text, width=100), night)
    said = text.getvalue()
    assert said.count("配信a") == said.count("配信b") == 1
    shown = [line.split() for line in said.splitlines() if re.match(" 配信[ab]", line)]
    assert shown == [["配信a", "対象", "16", "7"], ["配信b", "対象", "7", "5"]]
