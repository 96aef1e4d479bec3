"""A channel access token for one run: issued for fifteen minutes, or the long-lived one."""

import json
import logging
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request

from dagster_project.line.credentials import Credentials
from dagster_project.line.http import opener
from dagster_project.line.loopback import require_loopback

TIMEOUT = 20  # seconds
log = logging.getLogger(__name__)


def token_for_a_run(base_url: str, credentials: Credentials, *, live: bool) -> str:
    """Return a token, a new one where the channel's id and secret are known.

    Where none is issued the long-lived one stands in. Raises PermissionError when LINE refuses
    and ConnectionError when it is silent, and there is no other.
    """
    if credentials.channel_id is None or credentials.secret is None:
        return str(credentials.token)
    try:
        return _issue(base_url, credentials.channel_id, credentials.secret, live=live)
    except (PermissionError, ConnectionError) as error:
        if credentials.token is None:
            raise
        log.warning("no stateless token, the long-lived one is used: %s", error)
        return credentials.token


def _issue(base_url: str, channel_id: str, secret: str, *, live: bool) -> str:
    if not live:
        require_loopback(base_url)
    form = {"grant_type": "client_credentials", "client_id": channel_id, "client_secret": secret}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request(f"{base_url}/oauth2/v3/token", urlencode(form).encode(), headers)  # noqa: S310
    try:
        with opener(live=live).open(request, timeout=TIMEOUT) as answer:
            return str(json.load(answer)["access_token"])
    except HTTPError as error:
        kind = PermissionError if error.code in {400, 401, 403} else ConnectionError
        raise kind(f"token not issued: HTTP {error.code}") from None
    except Exception as error:  # noqa: BLE001 - whatever went wrong on the way, nobody answered
        raise ConnectionError(f"token not issued: {type(error).__name__}") from None
