"""Two texts of one campaign: who is told which, and that nobody is ever told both."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from clinic_builder import user
from delivery_fixtures import Night, a_build, a_night, at, plan_rows, users
from nights import DBT, MONDAY, World, lapsed_rows, written_to

from dagster_project import transform
from dagster_project.authoring.lint import lint
from dagster_project.clinic import clinic_in
from dagster_project.controls.veto import approve
from dagster_project.delivery.approval import campaigns_in, waiting
from dagster_project.delivery.snapshot import deliveries_for_warehouse
from dagster_project.insight.explain import explain
from dagster_project.insight.morning import read_morning
from dagster_project.insight.morning_page import write_morning
from dagster_project.ledger.approvals import Wish
from dagster_project.ledger.approvals import approve as record
from dagster_project.ledger.store import open_ledger, reading, writing
from dagster_project.line.messages import MessageError
from dagster_project.line.wordings import versions, wording, wordings
from dagster_project.settings import Settings
from dagster_project.simulate.nights import simulate
from dagster_project.simulator import RunningSimulator

CLINIC, CAMPAIGN = "ab", "lapsed_6_months"
TUESDAY = MONDAY + timedelta(days=1)


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def say(folder: Path, **texts: str) -> Path:
    """Write texts into a campaign's folder: of `step2_b` the file is message.2.b.json."""
    folder.mkdir(exist_ok=True)
    for name, words in texts.items():
        parts = [part for part in name.replace("step", "").split("_") if part not in ("plain", "a")]
        path = folder / ".".join(["message", *parts, "json"])
        path.write_text(json.dumps([text(words)]), encoding="utf-8")
    return folder


# --- what a folder says ---------------------------------------------------------------------


def test_each_variant_is_a_content_of_its_own(tmp_path: Path) -> None:
    folder = say(tmp_path / "recall", plain="あ", step2="い")
    before = versions(tmp_path)["recall"]
    say(folder, plain_b="う", step2_b="え")
    both = versions(tmp_path)["recall"]
    assert both["a"] == before["a"]
    assert both["b"] != both["a"]
    say(folder, step2_b="お")
    assert versions(tmp_path)["recall"]["a"] == both["a"]
    assert versions(tmp_path)["recall"]["b"] != both["b"]


def test_an_account_is_told_the_text_of_its_variant_for_each_case(tmp_path: Path) -> None:
    say(
        tmp_path / "recall", plain="あ", several="{children}名", step2="い",
        plain_b="か", several_b="{children}人", step2_b="き",
    )  # fmt: skip
    found, said = versions(tmp_path)["recall"], wordings(tmp_path)
    for variant, expected in (("a", ["あ", "2名", "い"]), ("b", ["か", "2人", "き"])):
        told = [wording(said, found[variant], name, 2) for name in ("urgent", "several", "2")]
        assert told == [[text(each)] for each in expected]


def test_a_second_text_of_some_cases_alone_is_an_error(tmp_path: Path) -> None:
    say(tmp_path / "recall", plain="あ", step2="い", step2_b="う")
    with pytest.raises(MessageError, match=r"message\.b\.json"):
        versions(tmp_path)


# --- lint -----------------------------------------------------------------------------------


@pytest.fixture
def dbt(tmp_path: Path) -> Path:
    """Return a copy of the rules in which a campaign compares two texts."""
    shutil.copytree(DBT, tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    share(tmp_path / "dbt", "{a: 50, b: 50}")
    say(tmp_path / "dbt/campaigns" / CAMPAIGN, plain_b="その後いかがですか。")
    return tmp_path / "dbt"


def share(dbt: Path, ab: str | None) -> None:
    """Let a campaign say so in its yml; None ends the test."""
    yml = dbt / "campaigns" / CAMPAIGN / f"seg_{CAMPAIGN}.yml"
    said = re.sub(r" +ab: .*\n", "", yml.read_text(encoding="utf-8"))
    if ab is not None:
        said = said.replace("          step: 1\n", f"          step: 1\n          ab: {ab}\n")
    yml.write_text(said, encoding="utf-8")


def errors(dbt: Path) -> list[str]:
    return [each.wrong for each in lint(dbt, MONDAY) if each.is_error]


@pytest.mark.parametrize("ab", ["{a: 50, b: 50}", "{a: 1, b: 99}", "{b: 1, a: 99}"])
def test_whole_shares_of_a_hundred_pass(dbt: Path, ab: str) -> None:
    share(dbt, ab)
    assert not errors(dbt)


@pytest.mark.parametrize(
    "ab",
    [
        "{a: 50, b: 49}",
        "{a: 50, b: 51}",
        "{a: 100, b: 0}",
        "{a: 49.5, b: 50.5}",
        "{a: 100}",
        "{a: 50, c: 50}",
        "{a: 40, b: 40, c: 20}",
        "{a: '50', b: 50}",
        "half",
    ],
)
def test_any_other_share_is_named(dbt: Path, ab: str) -> None:
    share(dbt, ab)
    (found,) = [each for each in lint(dbt, MONDAY) if each.is_error]
    assert "campaign.ab is" in found.wrong
    assert found.path.suffix == ".yml"


def _nothing(_: Path) -> None:
    return


def _no_b(folder: Path) -> None:
    (folder / "message.b.json").unlink()


def _no_test(folder: Path) -> None:
    share(folder.parents[1], None)


def _the_same(folder: Path) -> None:
    shutil.copyfile(folder / "message.json", folder / "message.b.json")


def _clinical(folder: Path) -> None:
    say(folder, plain_b="糖尿病の方へ")


def _urgent_in_one(folder: Path) -> None:
    say(folder, urgent="急ぎです。")


def _b_of_no_case(folder: Path) -> None:
    say(folder, hurry_b="急ぎです。")


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        (_nothing, []),
        (_no_b, ["no message.b.json"]),
        (_no_test, ["a second text, and no A/B test"]),
        (_the_same, ["says the same as text a"]),
        (_clinical, [f"{CAMPAIGN} $[0].text: says 糖尿病"]),
        (_urgent_in_one, ["no message.urgent.b.json"]),
        (_b_of_no_case, ["no wording 'hurry'"]),
    ],
)
def test_each_text_has_its_other(
    dbt: Path, do: Callable[[Path], None], expected: list[str]
) -> None:
    do(dbt / "campaigns" / CAMPAIGN)
    assert errors(dbt) == expected


def test_each_step_has_both_texts(dbt: Path) -> None:
    folder = dbt / "campaigns/checkup_followup"
    yml = folder / "seg_checkup_followup.yml"
    said = yml.read_text(encoding="utf-8")
    yml.write_text(
        said.replace("          step: 1\n", "          step: 1\n          ab: {a: 9, b: 91}\n")
    )
    say(folder, plain_b="一", step2_b="二")
    assert errors(dbt) == ["no message.3.b.json"]
    say(folder, step3_b="三")
    assert not errors(dbt)


# --- approval -------------------------------------------------------------------------------


def test_live_each_text_needs_its_approval(dbt: Path, tmp_path: Path) -> None:
    engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")

    def waits() -> bool:
        there = {CAMPAIGN: campaigns_in(dbt / "campaigns")[CAMPAIGN]}
        with reading(engine) as con:
            return bool(waiting(con, CLINIC, there, MONDAY, is_live=True))

    contents = campaigns_in(dbt / "campaigns")[CAMPAIGN].contents
    assert len(contents) == 2
    for content in contents:
        assert waits()
        with writing(engine, CLINIC) as con:
            record(con, CLINIC, Wish(content, None, "佐藤"), MONDAY, at(9))
    assert not waits()
    say(dbt / "campaigns" / CAMPAIGN, plain_b="お変わりありませんか。")
    assert waits()


# --- the ledger -----------------------------------------------------------------------------

SAID = {"va": [text("ア")], "vb": [text("イ")]}


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def test_a_batch_is_of_one_variant_whatever_it_says(night: Night) -> None:
    rows = plan_rows(users(4), version="va")
    rows = [
        replace(row, variant="b", content_version="vb") if n % 2 else row
        for n, row in enumerate(rows)
    ]
    night.plan(rows)
    night.freeze(rows, messages={"va": SAID["va"], "vb": SAID["va"]})
    found: dict[object, set[object]] = {}
    for each in night.intents():
        found.setdefault(each["batch_id"], set()).add(each["variant"])
    assert sorted(map(sorted, found.values())) == [["a"], ["b"]]
    known = {row[3]: row[-1] for row in deliveries_for_warehouse(night.engine, "aozora")}
    assert known == {row.line_user_id: row.variant for row in rows}


def told(night: Night) -> list[str]:
    return [json.loads(body)["messages"][0]["text"] for body, _ in night.line.sent]  # type: ignore[attr-defined]


def test_who_moves_before_sending_is_told_the_other_text_and_who_moves_after_nothing(
    night: Night,
) -> None:
    """The ledger's key is the occurrence and the account, and has no variant in it."""
    (row,) = plan_rows(users(1), version="vb")
    b = replace(row, variant="b")
    a = replace(row, variant="a", content_version="va")
    night.plan([b])
    night.build = a_build(number=2)
    assert night.plan([a]).planned == 1
    night.freeze([a], messages=SAID)
    night.send()
    assert told(night) == ["ア"]
    night.build = a_build(number=3)
    assert night.plan([b]).planned == 0
    night.freeze([b], messages=SAID)
    night.send()
    assert told(night) == ["ア"]
    assert [each["variant"] for each in night.intents()] == ["a"]


# --- whole nights ---------------------------------------------------------------------------


@dataclass
class Compared(World):
    """An installation with rules of its own."""

    dbt: Path = DBT

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir(parents=True)

    def settings(self, day: date, moment: datetime | None = None) -> Settings:
        return super().settings(day, moment).model_copy(update={"dbt_dir": self.dbt})


def variant_of(number: int, below: int) -> str:
    digest = hashlib.md5(f"{CLINIC}/{CAMPAIGN}/{user(number)}".encode()).hexdigest()  # noqa: S324
    return "a" if int(digest[:8], 16) < below * 2**32 // 100 else "b"


@pytest.mark.long
def test_a_night_of_two_texts_and_one_with_another_share(
    dbt: Path, tmp_path: Path, line: RunningSimulator
) -> None:
    line.state.channels.clear()
    world = Compared(tmp_path / "world", line, tmp_path, dbt=dbt)
    people = written_to(CLINIC, "visit", 12)
    world.write(CLINIC, MONDAY, lapsed_rows(people))
    assert world.nightly() == 0
    received = {each["user"]: each["messages"][0].get("text") for each in inbox(world)}
    expected = {user(n): variant_of(n, 50) for n in people}
    assert set(expected.values()) == {"a", "b"}
    is_b = {who: words == "その後いかがですか。" for who, words in received.items()}
    assert is_b == {who: variant == "b" for who, variant in expected.items()}
    named = world.published(
        CLINIC, f"select line_user_id, variant from delivery_plan where campaign = '{CAMPAIGN}'"
    )
    assert dict(named) == expected

    settings = world.settings(MONDAY)
    morning = read_morning(
        settings.published_path(CLINIC), open_ledger(settings.ledger()), dbt / "campaigns",
        MONDAY, None,
    )  # fmt: skip
    assert morning is not None
    (sheet,) = [each for each in morning.campaigns if each.name == CAMPAIGN]
    assert sheet.trouble is None
    counts = {each.variant: each.accounts for each in sheet.texts}
    assert counts == {name: [*expected.values()].count(name) for name in "ab"}
    page = write_morning(settings, clinic_in(settings.exports_dir, CLINIC))
    assert page is not None
    for variant in "ab":
        assert f"A/Bの{variant} ({counts[variant]} 通)" in page.read_text(encoding="utf-8")
    assert approve(settings, None, CAMPAIGN, "佐藤", world._console()) == 0
    for version in versions(dbt / "campaigns")[CAMPAIGN].values():
        assert version in world.text()

    manifest = transform.parse(dbt, settings.dbt_target_dir())
    (simulated,) = simulate(settings, manifest, CAMPAIGN, 1, 40, 1)
    assert simulated.variants.keys() == {"a", "b"}
    assert sum(simulated.variants.values()) == sum(simulated.sent.values()) > 20

    share(dbt, "{a: 99, b: 1}")
    assert {variant_of(n, 99) for n in people} == {"a"}
    transform.parse.cache_clear()
    world.write(CLINIC, TUESDAY, lapsed_rows(people))
    assert world.nightly(TUESDAY) == 0
    assert len(inbox(world)) == len(people)
    reasons = world.published(
        CLINIC,
        f"select distinct variant, reason from delivery_decisions where campaign = '{CAMPAIGN}'",
    )
    assert reasons == [("a", "already_this_cycle")]
    one = next(n for n in people if expected[user(n)] == "b")

    def explained(day: date) -> tuple[str | None, str | None]:
        published = world.settings(TUESDAY).published_path(CLINIC)
        (answer,) = explain(published, str(one), None, CAMPAIGN, day).campaigns
        return answer.variant, answer.delivery

    assert explained(MONDAY) == ("b", "accepted")
    assert explained(TUESDAY) == ("a", None)


def inbox(world: World) -> list[dict[str, list[dict[str, str]]]]:
    return list(world.simulator.state.channel(CLINIC).inbox)  # type: ignore[arg-type]
