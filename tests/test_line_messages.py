"""Message files: what may be in them, and when their version changes."""

import json
from pathlib import Path

import pytest

from dagster_project.line.messages import (
    MessageError,
    content_version,
    lint,
    load_message,
)
from dagster_project.line.wordings import versions, wording, wordings
from dagster_project.settings import ROOT
from dagster_project.simulator.validation import problem_of_messages

BUBBLE = {"type": "bubble"}


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def flex(**changes: object) -> dict[str, object]:
    return {"type": "flex", "altText": "お知らせ", "contents": BUBBLE} | changes


@pytest.mark.parametrize(
    "messages",
    [
        [text("お知らせ")],
        [text("あ" * 5000)],
        [text("🍎" * 2500)],
        [flex()] * 5,
        [flex(altText="あ" * 1500, contents={"type": "carousel", "contents": [BUBBLE] * 12})],
    ],
)
def test_what_passes_here_passes_at_line(messages: object) -> None:
    assert lint(messages) == []
    assert problem_of_messages(messages) is None


@pytest.mark.parametrize(
    "messages",
    [
        {},
        [],
        [text("x")] * 6,
        [text("")],
        [text("あ" * 5001)],
        [text("🍎" * 2501)],
        [{"type": "text"}],
        [{"type": "text", "text": 5}],
        [{"type": "sticker"}],
        ["text"],
        [flex(altText="")],
        [flex(altText="あ" * 1501)],
        [flex(contents=None)],
        [flex(contents={"type": "box"})],
        [flex(contents=BUBBLE | {"body": {"text": "x" * 31_000}})],
    ],
)
def test_what_line_would_refuse_is_found_before(messages: object) -> None:
    assert lint(messages)
    assert problem_of_messages(messages)


@pytest.mark.parametrize(
    "message",
    [
        text("高血圧の方へ"),
        text("ＨｂＡ１ｃの検査"),
        text("hba1cの検査"),
        text("ﾒﾀﾎﾞ健診"),
        flex(altText="子宮がん検診のご案内"),
        flex(contents=BUBBLE | {"body": {"type": "text", "text": "糖尿"}}),
        text("お知らせ") | {"quickReply": {"items": [{"action": {"label": "乳がん検診"}}]}},
        flex(contents=BUBBLE | {"action": {"type": "uri", "uri": "https://a.example/%E7%B3%96%E5%B0%BF"}}),
    ],
)  # fmt: skip
def test_a_clinical_word_is_found_wherever_and_however_it_is_written(
    message: dict[str, object],
) -> None:
    assert [each for each in lint([message]) if each.found.startswith("says")]


def test_every_campaign_of_the_project_passes() -> None:
    found = versions(ROOT / "dbt" / "campaigns")
    assert found
    contents = [each for by_variant in found.values() for each in by_variant.values()]
    assert len(set(contents)) == len(contents)


def test_the_version_is_that_of_the_content_and_of_nothing_else() -> None:
    one, same = [{"type": "text", "text": "あ"}], [{"text": "あ", "type": "text"}]
    assert content_version(one) == content_version(same)
    assert content_version(one) != content_version([text("い")])


@pytest.mark.parametrize("content", ["{", "[]", json.dumps([text("高血圧")])])
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, content: str) -> None:
    (tmp_path / "recall").mkdir()
    (tmp_path / "recall" / "message.json").write_text(content, encoding="utf-8")
    with pytest.raises(MessageError, match="recall"):
        load_message(tmp_path, "recall")


def test_a_campaign_without_a_message_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MessageError, match="recall"):
        load_message(tmp_path, "recall")


def test_all_texts_of_a_folder_are_one_content(tmp_path: Path) -> None:
    (tmp_path / "recall").mkdir()
    plain, several = tmp_path / "recall/message.json", tmp_path / "recall/message.several.json"
    plain.write_text(json.dumps([text("ひとり")]), encoding="utf-8")
    alone = versions(tmp_path)["recall"]["a"]
    # A folder with one text keeps the version it always had.
    assert alone == content_version([text("ひとり")])
    several.write_text(json.dumps([text("{children}名")]), encoding="utf-8")
    both = versions(tmp_path)["recall"]["a"]
    assert both != alone
    several.write_text(json.dumps([text("{children}人")]), encoding="utf-8")
    assert versions(tmp_path)["recall"]["a"] not in {alone, both}


def test_an_account_is_told_the_nearest_text_there_is(tmp_path: Path) -> None:
    folder = tmp_path / "recall"
    folder.mkdir()
    (folder / "message.json").write_text(json.dumps([text("ひとり")]), encoding="utf-8")
    version = versions(tmp_path)["recall"]["a"]
    told = [wording(wordings(tmp_path), version, name, 2) for name in ("plain", "several_urgent")]
    assert told == [[text("ひとり")], [text("ひとり")]]
    (folder / "message.several.json").write_text(
        json.dumps([text("{children}名")]), encoding="utf-8"
    )
    version = versions(tmp_path)["recall"]["a"]
    said = wordings(tmp_path)
    assert wording(said, version, "several", 3) == [text("3名")]
    assert wording(said, version, "several_urgent", 2) == [text("2名")]
    assert wording(said, version, "urgent", 1) == [text("ひとり")]
    (folder / "message.urgent.json").write_text(json.dumps([text("急ぎ")]), encoding="utf-8")
    version = versions(tmp_path)["recall"]["a"]
    assert wording(wordings(tmp_path), version, "several_urgent", 2) == [text("急ぎ")]


def test_a_bad_wording_is_named_with_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "recall"
    folder.mkdir()
    (folder / "message.json").write_text(json.dumps([text("あ")]), encoding="utf-8")
    (folder / "message.urgent.json").write_text(json.dumps([text("水痘")]), encoding="utf-8")
    with pytest.raises(MessageError, match=r"recall/message\.urgent\.json"):
        versions(tmp_path)
