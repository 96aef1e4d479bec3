"""The waterfall of a night in Dagster: a number for each campaign and reason, drawn over time."""

from itertools import groupby
from typing import Any

import dagster as dg
import duckdb

from dagster_project.insight.flow import SEND, flow_of
from dagster_project.insight.summary import read_waterfall

TABLE = "delivery_waterfall"


def waterfall_metadata(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return how many patients each reason took, and the same as a table of what was left.

    Dagster plots the numbers: `lapsed_6_months/send` is a line over the nights.
    """
    figures: dict[str, Any] = {}
    lines = ["| 配信 | 対象から送信まで |", "|---|---|"]
    for campaign, group in groupby(read_waterfall(con), key=lambda step: step.campaign):
        steps = list(group)
        flow = flow_of(steps)
        figures |= {f"{campaign}/members": flow.members, f"{campaign}/{SEND}": flow.sent}
        figures |= {f"{campaign}/{step.reason}": step.patients for step in steps}
        falls = [f"{fall.reason_ja} {fall.left:,}" for fall in flow.falls]
        said = " → ".join([f"対象 {flow.members:,}", *falls, f"送信 {flow.sent:,}"])
        lines.append(f"| {steps[0].label_ja} | {said} |")
    return {"waterfall": dg.MetadataValue.md("\n".join(lines)), **figures}
