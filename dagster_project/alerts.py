"""Alerts to staff, by webhook, mail or LINE as clinic.yaml says: ids and where to look, no more.

An alert is in the ledger before anything leaves and is tried until it arrives. One that a
kill cut off between its arrival and its mark is tried once more: its id tells the two alike.
"""

import json
import logging
import os
import smtplib
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from urllib.request import Request

from sqlalchemy import Engine

from dagster_project.clinic import Alerts, Clinic
from dagster_project.ledger.alerts import Waiting, claim, hand_over, mark_sent, waiting
from dagster_project.ledger.store import open_ledger
from dagster_project.line.account import Account
from dagster_project.line.credentials import CredentialError
from dagster_project.line.http import opener
from dagster_project.line.loopback import require_loopback
from dagster_project.line.reach import NoSimulatorError, introduced
from dagster_project.line.staff import tell_staff
from dagster_project.settings import Settings

TOKEN_PREFIX = "TAGLINE_ALERT_TOKEN_"  # noqa: S105 - the name of a variable
TIMEOUT = 10  # seconds
FAILED = (
    OSError,
    ValueError,
    KeyError,
    smtplib.SMTPException,
    CredentialError,
    NoSimulatorError,
)
log = logging.getLogger(__name__)


def targets(alerts: Alerts) -> list[str]:
    """Return where a clinic's alerts go, none where it declares nothing."""
    return [name for name in ("webhook", "mail", "line") if getattr(alerts, name)]


def deliver(
    engine: Engine,
    clinic: Clinic,
    now: datetime,
    environ: Mapping[str, str],
    reach: Callable[[], Account],
    *,
    is_live: bool,
) -> int:
    """Try every alert of a clinic whose time has come, and return how many arrived.

    `reach` opens its LINE channel, asked for only where staff are told by it. Any host but this
    machine's own is spoken to only when live. What fails is tried again later: after 30 seconds,
    then after twice as long each time, up to an hour.
    """
    arrived = 0
    for row in waiting(engine, clinic.clinic_id, now):
        if not claim(engine, row, now):
            continue
        try:
            if row.target == "webhook":
                _post(clinic, row, environ, is_live=is_live)
            elif row.target == "line":
                tell_staff(reach(), clinic, row.alert_id, row.text)
            else:
                _mail(clinic, row, environ, is_live=is_live)
        except FAILED as error:
            log.warning("%s: alert not sent: %s", clinic.clinic_id, type(error).__name__)
            continue
        mark_sent(engine, row, now)
        arrived += 1
    return arrived


def deliver_now(settings: Settings, clinic: Clinic) -> int:
    """Try what waits, with this process's ledger, clock and environment."""
    ledger, now = open_ledger(settings.ledger()), settings.now()
    hand_over(ledger, clinic.clinic_id, targets(clinic.alerts), now)
    return deliver(
        ledger,
        clinic,
        now,
        os.environ,
        partial(introduced, settings, clinic, clinic.alerts.line),
        is_live=settings.line == "live",
    )


def _post(clinic: Clinic, row: Waiting, environ: Mapping[str, str], *, is_live: bool) -> None:
    url = str(clinic.alerts.webhook)
    if not is_live:
        require_loopback(url)
    body = {name: getattr(row, name) for name in ("clinic_id", "kind", "text", "raised_at")}
    headers = {"Content-Type": "application/json"}
    if token := environ.get(f"{TOKEN_PREFIX}{clinic.clinic_id.upper()}"):
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps({"id": row.alert_id, **body}, ensure_ascii=False).encode()
    request = Request(url, data, headers)  # noqa: S310 - the scheme is checked by clinic.yaml
    with opener(live=is_live).open(request, timeout=TIMEOUT):
        pass


def _mail(clinic: Clinic, row: Waiting, environ: Mapping[str, str], *, is_live: bool) -> None:
    host, port = environ["TAGLINE_SMTP_HOST"], int(environ.get("TAGLINE_SMTP_PORT", "587"))
    if not is_live:
        require_loopback(f"smtp://{host}")
    mail = EmailMessage()
    mail["From"] = environ.get("TAGLINE_SMTP_FROM", str(clinic.alerts.mail))
    mail["To"] = clinic.alerts.mail
    mail["Subject"] = f"[Tagline] {clinic.name}: {row.kind}"
    mail["X-Tagline-Alert"] = row.alert_id
    mail.set_content(f"{row.text}\n\nid: {row.alert_id}\n{row.raised_at}\n")
    # Closed without its QUIT: an error of that would make an accepted mail look unsent.
    with closing(smtplib.SMTP(host, port, timeout=TIMEOUT)) as server:
        if is_live:
            server.starttls()
        if user := environ.get("TAGLINE_SMTP_USER"):
            server.login(user, environ["TAGLINE_SMTP_PASSWORD"])
        server.send_message(mail)
