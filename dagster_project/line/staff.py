"""A word to a clinic's own staff, by its channel: what went wrong, and nothing for a patient.

It is no way around the gate: it goes to the accounts that clinic.yaml names as staff, and to no
other. Plain HTTP, like everything that is asked of a channel beside a send.
"""

import json
import uuid
from urllib.error import HTTPError
from urllib.request import Request

from dagster_project.clinic import Clinic
from dagster_project.line.account import TIMEOUT, Account
from dagster_project.line.http import opener
from dagster_project.line.limits import MAX_TEXT_UNITS
from dagster_project.line.loopback import require_loopback

NAMESPACE = uuid.UUID("0b7f2a58-6a0e-5a0c-9a3b-3d1f6a3c52d4")


def tell_staff(account: Account, clinic: Clinic, alert_id: str, text: str) -> None:
    """Write to each of a clinic's staff, once for an alert, however often this is tried in a day.

    Raises ConnectionError, naming nobody, when LINE did not take it for all of them.
    """
    said = f"【{clinic.name}】{text}"[: MAX_TEXT_UNITS // 2]  # a letter is two units at the most
    missed = sum(not _push(account, user, f"{clinic.clinic_id}/{alert_id}", said)
                 for user in clinic.alerts.line)  # fmt: skip
    if missed:
        raise ConnectionError(f"{missed} of {len(clinic.alerts.line)} not told")


def _push(account: Account, user: str, what: str, said: str) -> bool:
    if not account.live:
        require_loopback(account.base_url)
    body = {"to": user, "messages": [{"type": "text", "text": said}]}
    headers = {
        "Content-Type": "application/json",
        "X-Line-Retry-Key": str(uuid.uuid5(NAMESPACE, f"{what}/{user}")),
    }
    url = f"{account.base_url}/v2/bot/message/push"
    request = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - by settings
    request.add_unredirected_header("Authorization", f"Bearer {account.token}")
    try:
        with opener(live=account.live).open(request, timeout=TIMEOUT):
            return True
    except HTTPError as error:
        return error.code == 409  # LINE took it before
    except OSError:
        return False
