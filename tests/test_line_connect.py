"""Whose token it is, and where a message may go at all: D22, before any call."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from delivery_fixtures import Night, ScriptedLine, a_clinic, a_night, at, ready, users

from dagster_project.clinic import Line
from dagster_project.delivery.channel import WrongChannelError
from dagster_project.ledger.batches import DEADLINE
from dagster_project.line.client import LineClient
from dagster_project.line.connect import connect
from dagster_project.line.credentials import CredentialError, access_token
from dagster_project.line.reach import NoSimulatorError
from dagster_project.line.replies import Kind
from dagster_project.line.simulated import introduce
from dagster_project.settings import Settings
from dagster_project.simulator import RunningSimulator, start

AOZORA, HINATA = a_clinic("aozora"), a_clinic("hinata")
TOKENS = {"TAGLINE_LINE_TOKEN_AOZORA": "tok-a", "TAGLINE_LINE_TOKEN_HINATA": "tok-h"}


# --- tokens ---------------------------------------------------------------------------------


def test_each_clinic_has_its_own_token() -> None:
    assert access_token(AOZORA, TOKENS) == "tok-a"
    assert access_token(HINATA, TOKENS) == "tok-h"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_token_is_an_error_and_no_other_stands_in(value: str | None) -> None:
    environ = TOKENS | {"TAGLINE_LINE_TOKEN": "tok"}
    environ.pop("TAGLINE_LINE_TOKEN_AOZORA")
    environ |= {} if value is None else {"TAGLINE_LINE_TOKEN_AOZORA": value}
    with pytest.raises(CredentialError, match="set TAGLINE_LINE_TOKEN_AOZORA"):
        access_token(AOZORA, environ)


@pytest.mark.parametrize("value", ["tok-a", " tok-a\n"])
def test_a_token_of_two_clinics_is_refused_for_both(value: str) -> None:
    environ = TOKENS | {"TAGLINE_LINE_TOKEN_HINATA": value}
    for clinic in (AOZORA, HINATA):
        with pytest.raises(CredentialError) as caught:
            access_token(clinic, environ)
        said = str(caught.value)
        assert "TAGLINE_LINE_TOKEN_AOZORA" in said
        assert "TAGLINE_LINE_TOKEN_HINATA" in said
        assert "tok-a" not in said


# --- connecting -----------------------------------------------------------------------------


def test_live_needs_the_clinics_token_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Settings(line="live")
    with pytest.raises(CredentialError):
        connect(live, AOZORA)
    monkeypatch.setenv("TAGLINE_LINE_TOKEN_AOZORA", "tok")
    monkeypatch.setenv("TAGLINE_LINE_TOKEN_HINATA", "tok")
    with pytest.raises(CredentialError, match="same token"):
        connect(live, AOZORA)


def test_without_a_simulator_nothing_is_guessed() -> None:
    with pytest.raises(NoSimulatorError):
        connect(Settings(simulator_url=None), AOZORA)


def test_a_simulator_elsewhere_is_told_nothing_and_used_for_nothing() -> None:
    url = "http://192.0.2.1:8787"
    with pytest.raises(ValueError, match="not this machine"):
        introduce(url, AOZORA, users(1), [])
    with pytest.raises(ValueError, match="not this machine"):
        connect(Settings(simulator_url=url), AOZORA).basic_id()


def test_a_proxy_of_the_environment_is_not_asked_about_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with start() as simulator:
        introduce(simulator.base_url, AOZORA, users(3), users(1, 3))
        channel = connect(Settings(simulator_url=simulator.base_url), AOZORA)
        assert channel.basic_id() == "aozora"
        assert simulator.state.channel("aozora").friends == set(users(4))
        assert simulator.state.channel("aozora").monthly_limit == AOZORA.line.monthly_limit


# --- the account behind the token -----------------------------------------------------------


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start(now=at(10, 5)) as running:
        introduce(running.base_url, AOZORA, users(3), [])
        yield running


@pytest.fixture
def night(tmp_path: Path, simulator: RunningSimulator) -> Night:
    night = ready(a_night(tmp_path))
    night.line = LineClient(simulator.base_url, "simulator:aozora")
    return night


def test_the_account_is_asked_once_a_run_and_only_when_there_is_something_to_send(
    night: Night, simulator: RunningSimulator
) -> None:
    assert night.send().accepted == 3
    assert simulator.state.calls["GET /v2/bot/info"] == 1
    night.send()
    assert simulator.state.calls["GET /v2/bot/info"] == 1


def test_another_account_is_refused_before_any_message(
    night: Night, simulator: RunningSimulator
) -> None:
    own = night.clinic
    night.clinic = own.model_copy(update={"line": Line(channel="@aozora")})
    with pytest.raises(WrongChannelError, match=r"account aozora, but .* says @aozora"):
        night.send()
    asked = [path for path in simulator.state.calls if "/v2/" in path]
    assert asked == ["GET /v2/bot/info"]
    (waiting,) = night.batches()
    assert (waiting["state"], waiting["tries"]) == ("frozen", 0)
    night.clinic = own
    assert night.send().accepted == 3, "the refused run has given up its lease"


def test_another_account_is_not_asked_for_its_units_or_retried_either(
    night: Night, simulator: RunningSimulator
) -> None:
    simulator.state.channel("aozora").faults = ["500_before"] * 5
    night.send()
    before = dict(simulator.state.calls)
    own, began = night.clinic, night.clock.now
    night.clinic = own.model_copy(update={"line": Line(channel="@other")})
    for waited in (timedelta(minutes=10), DEADLINE):
        night.clock.now = began + waited
        with pytest.raises(WrongChannelError):
            night.send()
    after = simulator.state.calls - Counter(before)
    assert after == {"GET /v2/bot/info": 2}


@pytest.mark.parametrize(
    ("error", "why"),
    [(PermissionError("401"), "unauthorized"), (ConnectionError("503"), "account unread")],
)
def test_an_account_that_cannot_be_read_starts_nothing(
    tmp_path: Path, error: Exception, why: str
) -> None:
    night = ready(a_night(tmp_path))

    class Silent(ScriptedLine):
        def basic_id(self) -> str:
            raise error

    line, night.line = night.line, Silent()
    summary = night.send()
    assert (summary.stopped, summary.deferred, night.line.calls) == (why, 3, 0)
    assert {each["reason"] for each in night.batches()} == {why}
    line.script = [Kind.UNKNOWN] * 5
    night.line = line
    night.send()
    night.clock.now += DEADLINE
    night.line = Silent()
    summary = night.send()
    assert (summary.stopped, summary.unsettled, night.line.calls) == (why, 3, 0)
