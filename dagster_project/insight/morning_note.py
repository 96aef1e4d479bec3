"""What staff are told of a morning: how many of what, what was cut, what waits for them.

Mail and LINE keep what they carry, so it names no patient; who and why is on the sheet.
"""

from pathlib import Path

from dagster_project.insight.morning import Campaign, Morning
from dagster_project.line.clinical import revealing

BLOCKING = "blocking"


def morning_note(morning: Morning, path: Path) -> str:
    """Return the note: figures, what is held back, and where the sheet is."""
    lines = [f"{morning.as_of} 今朝の配信: 計画 {morning.accounts:,} 通"]
    lines += [
        f"- {_name(each)}: 対象 {each.flow.members:,} 人 → {len(each.recipients):,} 通"
        for each in morning.campaigns
        if each.flow.members
    ]
    lines.append(f"データ: {_verdict(morning)}")
    lines += [each.said for each in morning.look.findings if not each.is_ready]
    if morning.share.deferred:
        lines.append(f"今月に入らず {morning.share.until} 以降へ: {morning.share.deferred:,} 通")
    lines += morning.held_back
    lines.append(f"確認表: {path}")
    return "\n".join(lines)


def _verdict(morning: Morning) -> str:
    if morning.is_stale:
        return f"古い ({morning.build.as_of} の夜のまま)。何も送りません"
    holding = sum(severity == BLOCKING for _, _, severity in morning.failed_checks)
    rest = len(morning.failed_checks) - holding
    return f"不合格の検査 {holding + rest} 件 (うち配信を止めるもの {holding} 件)"


def _name(campaign: Campaign) -> str:
    """Return a campaign's label, or its place where the label says what somebody has."""
    return f"{campaign.priority} 番目の配信" if revealing(campaign.label_ja) else campaign.label_ja
