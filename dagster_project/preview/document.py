"""A preview as headings, sentences and tables, in the words staff use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagster_project.preview.campaign_diff import CYCLE_JA, CampaignDiff
from dagster_project.preview.compare import Preview
from dagster_project.preview.tag_diff import Example, TagDiff

CHANGE_JA = {"edited": "変更", "new": "新しいタグ", "removed": "廃止", "same": "変更なし"}
ASSUMPTION = (
    "月あたりの通数は、送れる相手 (今夜送る人、この周期に送信済みの人、今日は別の案内が先の人) の"
    " LINE アカウントに周期ごとに1通送るとした見込みです (毎月=1、半年=1/6、年=1/12)。"
    "検査の結果と送信の履歴は公開された夜のものを使い、編集中の規則すべてを合わせた結果です。"
)
PSEUDONYMS = "例の ID はこの表示かぎりの仮名で、患者番号ではありません。"


@dataclass(frozen=True)
class Heading:
    """The title of a clinic (level 1) or of a part of it (level 2)."""

    text: str
    level: int


@dataclass(frozen=True)
class Text:
    """A sentence or two."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table; the columns that are numbers are aligned right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


Block = Heading | Text | Grid


def document(clinic_id: str, preview: Preview) -> Iterator[Block]:
    """Return what there is to say of one clinic, in order."""
    build = preview.build
    yield Heading(f"規則の変更の下見: {clinic_id}", 1)
    yield Text(
        f"公開された夜 (業務日 {build.as_of}、{build.build_id}) のデータに編集中の規則を"
        "当てはめた結果です。何も書き込まず、何も送りません。"
    )
    if preview.edited_nodes:
        yield Text(f"変わった SQL と表: {'、'.join(preview.edited_nodes)}")
    if preview.is_empty:
        yield Text("判定が変わる規則はありません / no rule changed")
        return
    if not preview.tags:
        yield Text("タグの規則は変わっていません / no tag rule changed")
    idle = [tag for tag in preview.tags if tag.is_idle and len(preview.tags) > 1]
    for tag in preview.tags:
        if tag not in idle:
            yield from _tag(tag, preview.campaigns)
    if idle:
        names = "、".join(f"{tag.label_ja} ({tag.tag})" for tag in idle)
        yield Text(f"規則の版は変わるが、誰の判定も変わらないタグ: {names}")
    yield Heading("配信への影響", 2)
    if preview.campaigns:
        yield _campaigns(preview.campaigns, preview.monthly_limit)
        for each in preview.campaigns:
            if each.told_another:
                text = f"{each.label_ja}: A/Bテストのもう一方の文面に移る相手"
                yield Text(f"{text} {each.told_another:,} アカウント")
        yield Text(_total(preview))
        yield Text(ASSUMPTION)
    else:
        yield Text("影響を受ける配信はありません / no campaign is affected")
    if any(tag.gained_examples or tag.lost_examples for tag in preview.tags):
        yield Text(PSEUDONYMS)


def _tag(tag: TagDiff, campaigns: Sequence[CampaignDiff]) -> Iterator[Block]:
    yield Heading(f"{tag.label_ja} ({tag.tag})", 2)
    versions = f"{tag.version_before or 'なし'} → {tag.version_after or 'なし'}"
    yield Text(f"規則: {CHANGE_JA[tag.change]} ({versions})")
    counts = [f"{count:,}" for count in (tag.gained, tag.lost, tag.kept)]
    unknown = f"{tag.unknown_before:,} → {tag.unknown_after:,}"
    yield Grid(
        ["新たに該当 gained", "該当から外れる lost", "変わらず該当 kept", "判定不能 unknown"],
        [[*counts, unknown]],
        frozenset(range(4)),
    )
    for warning in tag.warnings:
        yield Text(f"注意 / warning: {warning}")
    examples = [
        *(_example("新たに該当 gained", each) for each in tag.gained_examples),
        *(_example("外れる lost", each) for each in tag.lost_examples),
    ]
    if examples:
        yield Grid(["境目の例", "仮名", "根拠", "基準", "日付"], examples)
    users = [f"{each.label_ja} ({each.segment})" for each in campaigns if each.uses(tag.tag)]
    yield Text(f"このタグを使うセグメントと配信: {'、'.join(users) or 'なし / none'}")


def _example(kind: str, example: Example) -> list[str]:
    on = str(example.on) if example.on else ""
    return [kind, example.pseudonym, example.value, example.threshold, on]


def _campaigns(campaigns: Sequence[CampaignDiff], limit: int | None) -> Grid:
    return Grid(
        [
            "配信",
            "セグメント",
            "対象者",
            "今夜から送る",
            "送らなくなる",
            "周期",
            "通数/月",
            "月の枠に占める",
        ],
        [
            [
                each.label_ja,
                each.segment,
                _members(each),
                f"{each.now_sent:,}",
                f"{each.no_longer_sent:,}",
                _cycle(each),
                f"{each.extra_a_month:+,.1f}",
                _share(each.extra_a_month, limit),
            ]
            for each in campaigns
        ],
        frozenset(range(2, 8)) - {5},
    )


def _members(campaign: CampaignDiff) -> str:
    before, after = (each.members if each else 0 for each in (campaign.before, campaign.after))
    return f"{before:,} → {after:,} (+{campaign.joined:,} -{campaign.left:,})"


def _cycle(campaign: CampaignDiff) -> str:
    cycles = [side.cycle for side in (campaign.before, campaign.after) if side]
    return " → ".join(dict.fromkeys(CYCLE_JA.get(cycle, cycle) for cycle in cycles))


def _share(messages: float, limit: int | None) -> str:
    return f"{100 * messages / limit:+.2f} %" if limit else "上限なし"


def _total(preview: Preview) -> str:
    extra = sum(each.extra_a_month for each in preview.campaigns)
    limit = preview.monthly_limit
    share = f"、月の上限 {limit:,} 通の {_share(extra, limit)}" if limit else " (月の上限なし)"
    return f"合計 {extra:+,.1f} 通/月{share}"
