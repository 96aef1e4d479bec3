"""Message files: what may be in them, and when their version changes."""

import json
from pathlib import Path

import pytest

from dagster_project.line.messages import (
    MessageError,
    content_version,
    content_versions,
    lint,
    load_message,
)
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
    versions = content_versions(ROOT / "dbt" / "campaigns")
    assert versions
    assert len(set(versions.values())) == len(versions)


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
