"""The token of a run: stateless where channel id and secret are known, and never to be read."""

import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from delivery_fixtures import a_clinic, at, users

from dagster_project.line.account import Account
from dagster_project.line.credentials import (
    CredentialError,
    Credentials,
    channel_secret,
    credentials_of,
    simulator_credentials,
)
from dagster_project.line.reach import account_of
from dagster_project.line.tokens import token_for_a_run
from dagster_project.settings import Settings
from dagster_project.simulator import RunningSimulator, start
from dagster_project.simulator.channel import STATELESS_TOKEN_LIFE

AOZORA, HINATA = a_clinic("aozora"), a_clinic("hinata")
CHANNEL = {"TAGLINE_LINE_CHANNEL_ID_AOZORA": "1234", "TAGLINE_LINE_SECRET_AOZORA": "s3cret-a"}
LONG_LIVED = {"TAGLINE_LINE_TOKEN_AOZORA": "t0ken-a"}
WRONG = Credentials("aozora", "wr0ng-secret", "t0ken-a")


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start(now=at(12)) as running:
        channel = running.state.channel("aozora")
        channel.friends |= set(users(3))
        channel.monthly_limit = 1000
        yield running


def issue(simulator: RunningSimulator, credentials: Credentials) -> str:
    return token_for_a_run(simulator.base_url, credentials, live=False)


# --- which credentials ----------------------------------------------------------------------


def test_a_channel_id_and_secret_are_enough_and_a_token_may_stand_beside() -> None:
    assert credentials_of(AOZORA, CHANNEL) == Credentials("1234", "s3cret-a")
    both = credentials_of(AOZORA, CHANNEL | LONG_LIVED)
    assert both == Credentials("1234", "s3cret-a", "t0ken-a")
    assert credentials_of(AOZORA, LONG_LIVED) == Credentials(token="t0ken-a")  # noqa: S106
    with pytest.raises(CredentialError, match="TAGLINE_LINE_SECRET_AOZORA"):
        credentials_of(AOZORA, {"TAGLINE_LINE_CHANNEL_ID_AOZORA": "1234"} | LONG_LIVED)
    with pytest.raises(CredentialError, match="TAGLINE_LINE_CHANNEL_ID_AOZORA"):
        credentials_of(AOZORA, {"TAGLINE_LINE_SECRET_AOZORA": "s3cret-a"})
    with pytest.raises(CredentialError):
        credentials_of(HINATA, CHANNEL | LONG_LIVED)


def test_a_file_holds_what_a_variable_would(tmp_path: Path) -> None:
    secret, token = tmp_path / "secret", tmp_path / "token"
    secret.write_text("s3cret-a\n", encoding="utf-8")
    token.write_text(" t0ken-a\n", encoding="utf-8")
    environ = {
        "TAGLINE_LINE_CHANNEL_ID_AOZORA": "1234",
        "TAGLINE_LINE_SECRET_AOZORA_FILE": str(secret),
        "TAGLINE_LINE_TOKEN_AOZORA_FILE": str(token),
    }
    assert credentials_of(AOZORA, environ) == Credentials("1234", "s3cret-a", "t0ken-a")
    # The variable itself goes first.
    assert channel_secret(AOZORA, environ | {"TAGLINE_LINE_SECRET_AOZORA": "other"}) == "other"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not text"])
def test_a_file_that_cannot_be_read_is_an_error_and_nothing_stands_in(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CredentialError, match="TAGLINE_LINE_TOKEN_AOZORA_FILE: cannot be read"):
        credentials_of(AOZORA, {"TAGLINE_LINE_TOKEN_AOZORA_FILE": str(path)})


def test_an_empty_file_is_no_credential(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(CredentialError, match="set TAGLINE_LINE_TOKEN_AOZORA"):
        credentials_of(AOZORA, {"TAGLINE_LINE_TOKEN_AOZORA_FILE": str(path)})


def test_the_same_token_or_channel_of_two_clinics_is_refused_from_files_too(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t0ken-a", encoding="utf-8")
    shared = LONG_LIVED | {"TAGLINE_LINE_TOKEN_HINATA_FILE": str(path)}
    channels = {
        f"TAGLINE_LINE_{what}_{who}": value
        for who in ("AOZORA", "HINATA")
        for what, value in (("CHANNEL_ID", "1234"), ("SECRET", f"s3cret-{who}"))
    }
    for clinic in (AOZORA, HINATA):
        for environ, what in ((shared, "token"), (channels, "channel")):
            with pytest.raises(CredentialError, match=f"hold the same {what}") as caught:
                credentials_of(clinic, environ)
            assert "t0ken-a" not in str(caught.value)
            assert "1234" not in str(caught.value)


# --- the token of a run ---------------------------------------------------------------------


def test_a_token_is_issued_once_a_run_and_opens_the_channel(simulator: RunningSimulator) -> None:
    settings = Settings(simulator_url=simulator.base_url)
    first, second = (account_of(settings, AOZORA) for _ in range(2))
    assert not simulator.state.calls["POST /oauth2/v3/token"]
    assert (first.basic_id(), first.quota().limit) == ("aozora", 1000)
    assert simulator.state.calls["POST /oauth2/v3/token"] == 1
    assert second.basic_id() == "aozora"
    assert first.token != second.token
    assert not first.token.startswith("simulator:")


def test_a_token_ends_after_fifteen_minutes(simulator: RunningSimulator) -> None:
    account = Account(simulator.base_url, partial(issue, simulator, simulator_credentials(AOZORA)))
    assert account.basic_id() == "aozora"
    simulator.state.set_now(at(12) + STATELESS_TOKEN_LIFE - timedelta(seconds=1))
    assert account.basic_id() == "aozora"
    simulator.state.set_now(at(12) + STATELESS_TOKEN_LIFE)
    with pytest.raises(PermissionError):
        account.basic_id()


def test_where_none_is_issued_the_long_lived_one_stands_in_or_it_is_an_error(
    simulator: RunningSimulator,
) -> None:
    assert issue(simulator, WRONG) == "t0ken-a"
    with pytest.raises(PermissionError):
        issue(simulator, Credentials("aozora", "wr0ng-secret"))
    with pytest.raises(PermissionError):
        issue(simulator, Credentials("nobody", "simulator-secret:nobody"))
    assert issue(simulator, Credentials(token="t0ken-a")) == "t0ken-a"  # noqa: S106
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    silent = f"http://127.0.0.1:{port}"
    assert token_for_a_run(silent, WRONG, live=False) == "t0ken-a"
    with pytest.raises(ConnectionError):
        token_for_a_run(silent, Credentials("aozora", "wr0ng-secret"), live=False)


def test_no_secret_is_told_to_another_machine() -> None:
    with pytest.raises(ValueError, match="not this machine"):
        token_for_a_run("http://line.example", WRONG, live=False)


# --- answers that are none ------------------------------------------------------------------


@pytest.fixture
def odd(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give every question the same answer: a status and a body."""
    status, body = request.param

    class Odd(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

    with HTTPServer(("127.0.0.1", 0), Odd) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    "odd",
    [(200, b"{}"), (200, b"[]"), (200, b"<html>"), (200, b'{"type": "limited", "value": null}'),
     (404, b""), (400, b'{"message": "to[0]"}'), (500, b"")],
    indirect=True,
)  # fmt: skip
def test_an_answer_that_says_nothing_is_silence_and_stops_no_night(odd: str) -> None:
    account = Account(odd, partial(str, "t0ken-a"))
    for ask in (account.basic_id, account.quota, account.units_left):
        with pytest.raises(ConnectionError):
            ask()


@pytest.mark.parametrize(
    ("said", "hour"),
    [("Mon, 01 Jun 2026 01:05:00 GMT", at(10, 5)), ("Mon, 01 Jun 2026 10:05:00", None),
     ("soon", None), ("", None)],
)  # fmt: skip
def test_lines_clock_is_that_of_its_answer_and_a_simulator_has_none(
    said: str, hour: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda *_: said)

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"basicId": "@a"}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for live, expected in ((True, hour), (False, None)):
            account = Account(url, partial(str, "t"), live)
            account.basic_id()
            assert account.clock == expected
        server.shutdown()


# --- secrets --------------------------------------------------------------------------------


def test_no_secret_in_logs_reprs_and_errors(
    simulator: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = [repr(WRONG), repr(credentials_of(AOZORA, CHANNEL | LONG_LIVED))]
    issued = issue(simulator, simulator_credentials(AOZORA))
    stranger = Account(simulator.base_url, partial(issue, simulator, WRONG))
    said += [repr(stranger), str(stranger)]
    for ask in (
        stranger.basic_id,
        stranger.quota,
        stranger.units_left,
        partial(issue, simulator, Credentials("aozora", "wr0ng-secret")),
    ):
        with pytest.raises((PermissionError, ConnectionError)):
            ask()
        try:
            ask()
        except (PermissionError, ConnectionError):
            said.append(traceback.format_exc())
    said += [record.getMessage() for record in caplog.records]
    assert [each for each in said if "the long-lived one is used" in each]
    for secret in ("wr0ng-secret", "s3cret-a", "t0ken-a", "simulator-secret", issued):
        assert not [each for each in said if secret in each]
