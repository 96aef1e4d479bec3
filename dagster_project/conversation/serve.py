"""The webhook service of an installation: which clinics it serves, with which secrets."""

import os
import time
from collections.abc import Mapping, Sequence
from functools import cached_property

import uvicorn
from rich.console import Console

from dagster_project.clinic import Clinic, ClinicError, clinic_ids, clinic_in
from dagster_project.conversation.answer import Message
from dagster_project.conversation.app import Replier, build_app
from dagster_project.conversation.script import Script, script_of
from dagster_project.forget.hashes import read_key
from dagster_project.ledger.store import open_ledger
from dagster_project.line.credentials import (
    CredentialError,
    access_token,
    channel_secret,
    simulator_secret,
    simulator_token,
)
from dagster_project.line.simulated import register_webhook
from dagster_project.settings import LIVE_LINE_API, Settings


class LazyReplier:
    """A channel's answers; LINE's SDK, which takes seconds to load, comes with the first."""

    def __init__(self, base_url: str, token: str, *, live: bool) -> None:
        self._base_url, self._token, self._live = base_url, token, live

    @cached_property
    def _replier(self) -> Replier:
        from dagster_project.line.reply import ChatReplier  # noqa: PLC0415 - the slow part

        return ChatReplier(self._base_url, self._token, live=self._live)

    def reply(self, reply_token: str, messages: Sequence[Message]) -> None:
        """Answer once with a reply token."""
        self._replier.reply(reply_token, messages)


def serve(settings: Settings, host: str, port: int, console: Console) -> int:
    """Serve every clinic that has its secret until interrupted, and return an exit code."""
    secrets: dict[str, str] = {}
    scripts: dict[str, Script] = {}
    repliers: dict[str, Replier] = {}
    for clinic_id in clinic_ids(settings.exports_dir):
        try:
            clinic = clinic_in(settings.exports_dir, clinic_id)
            secrets[clinic_id], replier = _of(settings, clinic, os.environ)
        except (ClinicError, CredentialError) as error:
            console.print(f"[red]{error}[/red]")
            continue
        scripts[clinic_id], wrong = script_of(settings.exports_dir / clinic_id)
        for each in wrong:
            console.print(f"[yellow]{each.shown(settings.exports_dir)}[/yellow]", soft_wrap=True)
        url = f"http://{host}:{port}/webhook/{clinic_id}"
        if replier:
            repliers[clinic_id] = replier
            _introduce(settings, clinic, url, console)
        console.print(f"{clinic.name}: {url}")
    if not secrets:
        return 1
    app = build_app(
        open_ledger(settings.ledger()),
        secrets,
        repliers,
        settings.now,
        scripts,
        lambda: read_key(settings.forget_key_path()),
    )
    # Neither bodies nor addresses of patients' phones belong in a log.
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning")
    return 0


def _introduce(settings: Settings, clinic: Clinic, url: str, console: Console) -> None:
    if settings.line == "live" or settings.simulator_url is None:
        return
    for _ in range(20):  # started beside it, the simulator may need a moment
        try:
            register_webhook(settings.simulator_url, clinic, url)
        except OSError:
            time.sleep(0.5)
        else:
            return
    console.print(f"[yellow]{settings.simulator_url}: no simulator is there[/yellow]")


def _of(
    settings: Settings, clinic: Clinic, environ: Mapping[str, str]
) -> tuple[str, LazyReplier | None]:
    """Return a clinic's secret and its replier, if there is anywhere to answer."""
    if settings.line == "live":
        token = access_token(clinic, environ)
        return channel_secret(clinic, environ), LazyReplier(LIVE_LINE_API, token, live=True)
    secret = simulator_secret(clinic.clinic_id)
    if settings.simulator_url is None:
        return secret, None
    return secret, LazyReplier(settings.simulator_url, simulator_token(clinic), live=False)
