"""The webhook service of an installation: which clinics it serves, with which secrets."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import Thread

import uvicorn
from rich.console import Console
from sqlalchemy import Engine

from dagster_project.alerts import deliver_now, targets
from dagster_project.authoring.finding import Finding
from dagster_project.clinic import Clinic, ClinicError, clinic_ids, clinic_in
from dagster_project.conversation.account_link import SECRET_PREFIX
from dagster_project.conversation.answer import Message
from dagster_project.conversation.app import Replier, Ways, build_app
from dagster_project.conversation.chart import Judge
from dagster_project.conversation.fold import Account
from dagster_project.conversation.live_script import LiveScript
from dagster_project.conversation.script import script_of
from dagster_project.conversation.words import words
from dagster_project.forget.hashes import read_key
from dagster_project.ledger.alerts import raise_written
from dagster_project.ledger.conversation import account
from dagster_project.ledger.store import open_ledger, writing
from dagster_project.line.credentials import (
    CredentialError,
    access_token,
    channel_secret,
    simulator_secret,
    simulator_token,
)
from dagster_project.line.simulated import register_webhook
from dagster_project.settings import LIVE_LINE_API, LIVE_LINE_LINK, Settings

LINK_PATH = "/dialog/bot/accountLink"  # of the simulator, as of LINE
ALERT_ROUND = 2  # seconds
log = logging.getLogger(__name__)


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

    def link_token(self, line_user_id: str) -> str | None:
        """Return a token for LINE's account link."""
        return self._replier.link_token(line_user_id)


def serve(settings: Settings, host: str, port: int, console: Console) -> int:
    """Serve every clinic that has its secret until interrupted, and return an exit code."""
    secrets: dict[str, str] = {}
    repliers: dict[str, Replier] = {}
    served: list[Clinic] = []
    for clinic_id in clinic_ids(settings.exports_dir):
        try:
            clinic = clinic_in(settings.exports_dir, clinic_id)
            secrets[clinic_id], replier = _of(settings, clinic, os.environ)
        except (ClinicError, CredentialError) as error:
            console.print(f"[red]{error}[/red]")
            continue
        served.append(clinic)
        for each in script_of(settings.exports_dir / clinic_id)[1]:
            console.print(f"[yellow]{each.shown(settings.exports_dir)}[/yellow]", soft_wrap=True)
        url = f"http://{host}:{port}/webhook/{clinic_id}"
        if replier:
            repliers[clinic_id] = replier
            _introduce(settings, clinic, url, console)
        console.print(f"{clinic.name}: {url}")
    if not secrets:
        return 1
    ledger = open_ledger(settings.ledger())
    ways = ways_of(settings, served, os.environ)
    app = build_app(ledger, secrets, repliers, settings.now, ways)
    Thread(target=_alert_staff, args=(settings, served, ways), name="alerts", daemon=True).start()
    # Neither bodies nor addresses of patients' phones belong in a log.
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning")
    return 0


def ways_of(settings: Settings, clinics: Sequence[Clinic], environ: Mapping[str, str]) -> Ways:
    """Return what the clinics declare beside codes: chart numbers, a login, alerts."""
    ledger = open_ledger(settings.ledger())
    logins = {each.clinic_id: each.linking.login_url for each in clinics}
    scripts = {each.clinic_id: _live_script(settings, ledger, each) for each in clinics}

    def known(clinic_id: str) -> Callable[[str], Account]:
        return lambda user: account(ledger, clinic_id, user, scripts[clinic_id]())

    dialog = LIVE_LINE_LINK if settings.line == "live" else f"{settings.simulator_url}{LINK_PATH}"
    return Ways(
        judges={
            each.clinic_id: Judge(
                settings.published_path(each.clinic_id), words(), known(each.clinic_id)
            )
            for each in clinics
            if each.linking.chart_number
        },
        alert_targets={each.clinic_id: targets(each.alerts) for each in clinics},
        login_urls={clinic_id: url for clinic_id, url in logins.items() if url},
        login_secrets={
            clinic_id: environ.get(f"{SECRET_PREFIX}{clinic_id.upper()}", "").strip()
            for clinic_id, url in logins.items()
            if url
        },
        dialogs=dict.fromkeys(logins, dialog),
        scripts=scripts,
        forget_key=lambda: read_key(settings.forget_key_path()),
    )


def _live_script(settings: Settings, ledger: Engine, clinic: Clinic) -> LiveScript:
    folder = settings.exports_dir / clinic.clinic_id

    def tell(version: str, wrong: Sequence[Finding]) -> None:
        where = "; ".join(each.shown(settings.exports_dir) for each in wrong[:3])
        text = f"トークの問診票か返信に誤りがあり、直るまでは誤りのない版で答えます: {where}"
        with writing(ledger, clinic.clinic_id) as con:
            subject = f"script-{version}"
            raise_written(
                con,
                settings.now(),
                clinic.clinic_id,
                "script",
                subject,
                text,
                targets(clinic.alerts),
            )

    return LiveScript(folder, tell, clinic.phone)


def _alert_staff(settings: Settings, clinics: Sequence[Clinic], ways: Ways) -> None:
    """Try what waits, for as long as the service runs: also what an earlier one left behind."""
    while True:
        for clinic in clinics:
            try:
                ways.scripts[clinic.clinic_id]()  # to tell what is wrong before a patient asks
                deliver_now(settings, clinic)
            except Exception as error:  # noqa: BLE001 - the next round is the way to mend it
                log.warning("%s: alerts wait: %s", clinic.clinic_id, type(error).__name__)
        time.sleep(ALERT_ROUND)


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
