"""A person's word on one patient or one campaign: the gate hears it, and the ledger keeps it."""

import io
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from clinic_builder import user as account
from delivery_fixtures import MONDAY, Night, a_night, plan_rows, ready, user, users
from nights import DBT, World, lapsed_rows
from rich.console import Console

from dagster_project.controls.veto import approve as approve_at_a_terminal
from dagster_project.controls.veto import veto as veto_at_a_terminal
from dagster_project.delivery.approval import Campaign, campaigns_in, waiting
from dagster_project.ledger.approvals import ApprovalError, Wish, approve
from dagster_project.ledger.holds import end, place
from dagster_project.ledger.store import reading, writing

LAPSED = range(1, 4)
NAME = "lapsed_6_months"


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return a_night(tmp_path)


def veto(night: Night, subject: str, what: object = place) -> None:
    with writing(night.engine, "aozora") as con:
        assert what(con, "aozora", "veto", "本人の希望", "佐藤", night.clock(), subject)


@pytest.mark.parametrize(
    ("subject", "left"),
    [("patient p1", 2), ("campaign lapsed", 0), ("patient p9", 3), ("campaign lapse", 3)],
)
def test_a_veto_stops_whom_it_names_and_nobody_else(night: Night, subject: str, left: int) -> None:
    veto(night, subject)
    ready(night)
    assert night.send().accepted == left
    reasons = {each["reason"] for each in night.intents() if each["state"] == "skipped"}
    assert reasons == ({"vetoed"} if left < 3 else set())


def test_a_veto_reaches_into_batches_that_wait(night: Night) -> None:
    rows = plan_rows(users(3))
    night.plan(rows)
    night.freeze(rows)
    veto(night, "patient p1")
    night.freeze(rows)
    assert night.send().accepted == 2


def test_a_withdrawn_veto_lets_the_next_plan_go(night: Night) -> None:
    veto(night, "campaign lapsed")
    ready(night)
    veto(night, "campaign lapsed", end)
    night.build = type(night.build)("aozora", "again", MONDAY, night.clock())
    ready(night)
    assert night.send().accepted == 3


def test_a_message_for_several_patients_is_stopped_by_a_veto_on_one(night: Night) -> None:
    row = plan_rows([user(1)])[0]
    both = type(row)(**(vars(row) | {"patient_ids": "p1,p2"}))
    veto(night, "patient p2")
    night.plan([both])
    night.freeze([both])
    assert night.send().accepted == 0


@pytest.mark.parametrize(
    ("merged", "left"),
    [({}, 3), ({"p9": "p1"}, 2), ({"p9": "p7"}, 3), ({"p1": "p9"}, 3), ({"lapsed": "p1"}, 3)],
)
def test_a_veto_on_a_chart_that_was_merged_stops_the_one_it_is_in(
    night: Night, merged: dict[str, str], left: int
) -> None:
    veto(night, "patient p9")
    veto(night, "campaign lapse")
    rows = plan_rows(users(3))
    night.plan(rows)
    night.freeze(rows, merged=merged)
    assert night.send().accepted == left


# --- approval -------------------------------------------------------------------------------


def a_campaign(version: str = "v1", *, required: bool = False) -> dict[str, Campaign]:
    return {"lapsed": Campaign([("lapsed", version)], "鈴木", required)}


def waits(night: Night, campaigns: dict[str, Campaign], *, live: bool, later: int = 0) -> set[str]:
    with reading(night.engine) as con:
        day = MONDAY + timedelta(days=later)
        return waiting(con, "aozora", campaigns, day, is_live=live)


def approved(night: Night, version: str = "v1", by: str = "佐藤") -> None:
    with writing(night.engine, "aozora") as con:
        wish = Wish(("lapsed", version), "鈴木", by)
        approve(con, "aozora", wish, MONDAY, night.clock())


def test_live_a_content_never_sent_needs_one_approval_and_a_changed_one_another(
    night: Night,
) -> None:
    assert waits(night, a_campaign(), live=True) == {"lapsed"}
    approved(night)
    assert not waits(night, a_campaign(), live=True)
    assert not waits(night, a_campaign(), live=True, later=30)
    assert waits(night, a_campaign("v2"), live=True) == {"lapsed"}


def test_live_what_line_accepted_once_needs_none(night: Night) -> None:
    ready(night)
    assert waits(night, a_campaign(), live=True) == {"lapsed"}
    night.send()
    assert not waits(night, a_campaign(), live=True)


def test_where_it_is_declared_each_day_needs_its_own_even_on_the_simulator(night: Night) -> None:
    assert not waits(night, a_campaign(), live=False)
    declared = a_campaign(required=True)
    assert waits(night, declared, live=False) == {"lapsed"}
    approved(night)
    assert not waits(night, declared, live=False)
    assert waits(night, declared, live=False, later=1) == {"lapsed"}


@pytest.mark.parametrize(
    ("by", "why"), [("鈴木", "somebody else"), (" 鈴　木", "somebody else"), (" ", "--by")]
)
def test_the_maker_is_not_the_checker(night: Night, by: str, why: str) -> None:
    with pytest.raises(ApprovalError, match=why):
        approved(night, by=by)
    assert waits(night, a_campaign(), live=True) == {"lapsed"}


def test_the_campaigns_of_the_project_declare_nothing_and_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "campaigns"
    shutil.copytree(DBT / "campaigns" / NAME, folder / NAME)
    assert not campaigns_in(folder)[NAME].is_required
    yml = folder / NAME / f"seg_{NAME}.yml"
    text = yml.read_text(encoding="utf-8").replace("owner: 院長", "owner: 鈴木")
    declared = text.replace("purpose: visit", "purpose: visit\n          approval: required")
    yml.write_text(declared, encoding="utf-8")
    found = campaigns_in(folder)[NAME]
    assert (found.is_required, found.owner, found.contents[0][0]) == (True, "鈴木", NAME)


def lapsed_clinic(world: World) -> None:
    world.write("good", MONDAY, lapsed_rows(LAPSED))


@pytest.mark.long
def test_a_night_with_a_veto_and_a_campaign_that_waits_for_its_approval(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lapsed_clinic(world)
    settings, out = world.settings(MONDAY), io.StringIO()
    console = Console(file=out, width=200)
    required = {
        name: Campaign(each.contents, "鈴木", is_required=name == NAME)
        for name, each in campaigns_in(DBT / "campaigns").items()
    }
    for module in ("assets.line", "controls.veto"):
        monkeypatch.setattr(f"dagster_project.{module}.campaigns_in", lambda _: required)
    assert world.nightly() == 0
    assert not world.received("good")
    assert f"承認待ち: {NAME} 3 人" in world.text()
    assert approve_at_a_terminal(settings, None, NAME, "鈴木", console) == 1
    assert approve_at_a_terminal(settings, None, "lapsed", "佐藤", console) == 1
    assert approve_at_a_terminal(settings, None, NAME, "佐藤", console) == 0

    def said(patient: str | None, campaign: str | None, *, withdrawn: bool = False) -> int:
        return veto_at_a_terminal(
            settings, None, patient, campaign, "佐藤", "本人の希望", console, is_withdrawn=withdrawn
        )

    assert said("99", None) == 1
    assert said(None, None) == 1
    assert said("1", NAME) == 1
    assert said("2", None, withdrawn=True) == 1
    assert said("0001", None) == 0
    assert world.send(MONDAY, settings.now()) == 0
    assert set(world.received("good")) == {account(2), account(3)}
    world.said.clear()
    assert world.status(MONDAY) == 0
    assert "差し止め中: 患者 1: 本人の希望 (佐藤" in world.text()
    assert "承認待ち" not in world.text()
