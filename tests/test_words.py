"""What the chat hears however it is written: emergencies, and whoever wants no more messages."""

import pytest

from dagster_project.conversation.words import plain, words

EMERGENCIES = [
    "胸が痛い",
    "胸、すごく痛いです",
    "胸のあたりがずっと痛む",
    "ﾑﾈｶﾞ ｲﾀｲ",
    "むね が いたい",
    "胸\u200bが\n痛\u3000い…",
    "胸がギューッと締め付けられる",
    "息が苦しい",
    "イキガクルシイ",
    "いきぐるしいです",
    "息がうまくできない",
    "呼吸 困難です",
    "意識がない",
    "父の意識がありません",
    "いしきが　ない",
    "ケイレンしています",
    "ｹｲﾚﾝが止まらない",
    "ひきつけを起こした",
    "ロレツが回らない",
    "鼻血がとまりません",
    "ｱﾅﾌｨﾗｷｼｰ",
    "シニタイ",
    "救急車を呼んだほうがいいですか",
]
NONE = [
    "胸のレントゲンはいつですか",
    "胸のことで伺いたい",
    "膝が痛い",
    "息子の予約ができない",
    "血圧の薬が止まりますか",
    "血液検査の結果はいつですか",
    "予約したい",
    "土曜の検診希望",
]


@pytest.mark.parametrize("said", EMERGENCIES)
def test_an_emergency_is_heard_in_any_spelling(said: str) -> None:
    assert words().is_urgent(said)


@pytest.mark.parametrize("said", NONE)
def test_what_is_none_is_not_heard_as_one(said: str) -> None:
    assert not words().is_urgent(said)


def test_a_gap_is_of_eight_letters_at_the_most() -> None:
    assert words().is_urgent("胸" + "あ" * 8 + "痛")
    assert not words().is_urgent("胸" + "あ" * 9 + "痛")


@pytest.mark.parametrize(
    ("said", "is_stop"),
    [
        ("配信停止", True),
        ("ｽﾄｯﾌﾟ", True),
        ("配信停止してください🙏", True),
        ("もう来ないので配信停止でお願いします", True),
        ("配信を止めてほしい", True),
        ("もう送らないで下さい", True),
        ("送らないで", True),
        ("薬を家に送らないで", False),
        ("停止中ですか", False),
        ("配信設定", False),
        ("配信再開", False),
    ],
)
def test_stopping_is_heard_within_a_sentence_where_it_can_mean_nothing_else(
    said: str, is_stop: bool
) -> None:
    assert words().means(said, "stop") is is_stop


def test_a_sentence_is_cut_to_the_word_that_means_the_same() -> None:
    assert words().word_meant("引っ越すので配信停止して下さい", ["stop"]) == "配信停止"
    assert words().word_meant("ＳＴＯＰ", ["stop"]) == "ＳＴＯＰ"


def test_every_wording_of_the_list_holds_letters_on_both_sides_of_its_gap() -> None:
    """Else it would be found in every message, or wherever one of its letters stands."""
    for wording in (*words().urgent, *words().stop_anywhere):
        assert all(plain(part) for part in wording.split("*")), wording
        assert len(plain(wording)) > 1, wording
