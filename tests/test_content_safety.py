"""LINE's limits, clinical words and wording rules, each on both sides."""

import json

import pytest

from dagster_project.line.clinical import clinical_words, revealing
from dagster_project.line.messages import lint
from dagster_project.line.wording import advice, rules

SAFE = "お知らせです。すでにお済みの方はご容赦ください。"


def flex(*contents: object, **changes: object) -> list[dict[str, object]]:
    body = {"type": "box", "layout": "vertical", "contents": list(contents)}
    bubble = {"type": "bubble", "body": body}
    return [{"type": "flex", "altText": "お知らせ", "contents": bubble} | changes]


def button(**action: object) -> dict[str, object]:
    known = {"type": "uri", "label": "予約", "uri": "https://a.example/"}
    return {"type": "button", "action": known | action}


def quick(label: str, count: int = 1) -> list[dict[str, object]]:
    item = {"type": "action", "action": {"type": "message", "label": label, "text": "はい"}}
    return [{"type": "text", "text": "お知らせ", "quickReply": {"items": [item] * count}}]


def sender(**shown: object) -> list[dict[str, object]]:
    return [{"type": "text", "text": "お知らせ", "sender": shown}]


def carousel(bubbles: int) -> list[dict[str, object]]:
    contents = [{"type": "bubble"}] * bubbles
    return flex(contents={"type": "carousel", "contents": contents})


HOST = "https://a.example/"


@pytest.mark.parametrize(
    ("within", "beyond", "path"),
    [
        (flex(altText="あ" * 1500), flex(altText="あ" * 1501), "$[0].altText"),
        (carousel(12), carousel(13), "$[0].contents.contents"),
        (quick("あ" * 20), quick("あ" * 21), "$[0].quickReply.items[0].action.label"),
        (quick("はい", 13), quick("はい", 14), "$[0].quickReply.items"),
        (
            flex(button(label="あ" * 40)),
            flex(button(label="あ" * 41)),
            "$[0].contents.body.contents[0].action.label",
        ),
        (flex(button()), flex(button(label="")), "$[0].contents.body.contents[0].action.label"),
        (
            flex(button(uri=HOST + "a" * (1000 - len(HOST)))),
            flex(button(uri=HOST + "a" * (1001 - len(HOST)))),
            "$[0].contents.body.contents[0].action.uri",
        ),
        *(
            (
                flex(button(uri=good)),
                flex(button(uri=bad)),
                "$[0].contents.body.contents[0].action.uri",
            )
            for good, bad in (
                ("https://a.example/", "http://a.example/"),
                ("tel:0312345678", "javascript:alert(1)"),
                ("line://ti/p/x", "a.example"),
                ("https://a.example/%E4%BA%88", "https://a.example/予"),
                ("https://a.example/a%20b", "https://a.example/a b"),
            )
        ),
        (
            flex({"type": "image", "url": "https://a.example/a.png"}),
            flex({"type": "image", "url": "http://a.example/a.png"}),
            "$[0].contents.body.contents[0].url",
        ),
        (sender(name="あ" * 20), sender(name="あ" * 21), "$[0].sender.name"),
        (
            sender(name="受付", iconUrl="https://a.example/a.png"),
            sender(name="受付", iconUrl="http://a.example/a.png"),
            "$[0].sender.iconUrl",
        ),
        (
            flex(button(type="postback", data="a" * 300)),
            flex(button(type="postback", data="a" * 301)),
            "$[0].contents.body.contents[0].action.data",
        ),
        (
            flex({"type": "text", "text": "あ"}),
            flex({"type": "text", "text": ""}),
            "$[0].contents.body.contents[0].text",
        ),
        (
            flex({"type": "separator"}),
            flex({"type": "marquee"}),
            "$[0].contents.body.contents[0].type",
        ),
    ],
)  # fmt: skip
def test_a_limit_is_kept_to_the_letter_and_its_place_is_named(
    within: object, beyond: object, path: str
) -> None:
    assert lint(within) == []
    assert [each.path for each in lint(beyond)] == [path]


def test_a_bubble_of_30_kilobytes_passes_and_one_byte_more_does_not() -> None:
    def long(letters: int) -> list[dict[str, object]]:
        return flex({"type": "text", "text": "a" * letters})

    room = 30 * 1024 - len(json.dumps(long(1)[0]["contents"]).encode()) + 1
    message, larger = long(room), long(room + 1)
    assert lint(message) == []
    assert [each.path for each in lint(larger)] == ["$[0].contents"]


@pytest.mark.parametrize(
    "word",
    ["高血圧", "アムロジピン", "乳房撮影", "便潜血", "水痘", "HPV", "婦人科", "ＨＩＶ", "がん"],
)
def test_words_of_the_code_seeds_and_of_our_own_list_are_found(word: str) -> None:
    assert revealing(f"{word}のお知らせ")


@pytest.mark.parametrize(
    "text",
    [
        "定期健診のご案内", "お子さま2名の接種のお知らせ", "インフルエンザの予約を受け付けます",
        "width", "特定健診のご案内", "https://a.example/dtp-booking", "内科",
    ],
)  # fmt: skip
def test_everyday_words_are_left_alone(text: str) -> None:
    assert revealing(text) == []


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://a.example/diabetes", ["diabetes"]),
        ("https://a.example/lp?from=heart-failure", ["heart failure"]),
        ("https://a.example/HeartFailure.png", ["heart failure"]),
        ("https://a.example/breast_check", ["breast"]),
        ("https://a.example/psychiatry/", ["psychiatry"]),
        ("https://a.example/proctology", ["proctology"]),
        ("https://a.example/%E7%B3%96%E5%B0%BF%E7%97%85", ["糖尿病"]),
        ("https://a.example/specific-checkup", []),
        ("https://a.example/internal-medicine/reserve", []),
        ("https://a.example/breakfast", []),
    ],
)
def test_an_address_tells_as_much_as_a_word(address: str, found: list[str]) -> None:
    assert revealing(address) == found


def test_breast_cancer_on_a_locked_phone_is_an_error() -> None:
    (found,) = lint(flex(altText="乳がん検診のご案内"))
    assert (found.path, found.found) == ("$[0].altText", "says 乳がん検診")


def test_the_seeds_add_hundreds_of_words_to_the_list() -> None:
    assert len(clinical_words()) > 500


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ("AD-1", "地域No.1の医院です", "地域の医院です"),
        ("AD-1", "日本一の治療", "日本の治療"),
        ("AD-1", "最高の医療", "最新の診療時間"),
        ("AD-2", "必ず治ります", "必ずご予約ください"),
        ("AD-2", "絶対に安全です", "安全にお越しください"),
        ("AD-3", "患者様の声をご覧ください", "声をおかけください"),
        ("AD-3", "体験談を掲載", "体験できます"),
        ("AD-4", "放置すると", "放課後も受け付けます"),
        ("AD-5", "治療前後の写真", "治療の前に"),
        ("AD-6", "自費診療のご案内", "自費診療は5,000円です。リスクに腫れがあります"),
        ("AD-6", "自費診療は5,000円です", "保険診療のご案内"),
        ("AD-7", "期間限定の割引", "期間のご案内"),
        ("FP-1", "持病の方へ", "ご希望の方へ"),
        ("FP-2", "2回目が未接種です", "2回目の時期かもしれません"),
        ("FP-2", "時期を過ぎています", "時期が近づいています"),
    ],
)
def test_a_rule_speaks_of_what_it_forbids_and_of_nothing_near_it(
    rule: str, bad: str, good: str
) -> None:
    def found(text: str) -> list[str]:
        return [each.rule.rule for each in advice([{"type": "text", "text": text + SAFE}])]

    assert found(bad) == [rule]
    assert found(good) == []


def test_a_message_excuses_whoever_has_been_already() -> None:
    assert [each.rule.rule for each in advice([{"type": "text", "text": "ご予約ください"}])] == [
        "FP-3"
    ]


def test_every_rule_says_what_to_do_and_where_it_comes_from() -> None:
    assert all(each.to_do and each.source for each in rules())
    assert len({each.rule for each in rules()}) == len(rules())
