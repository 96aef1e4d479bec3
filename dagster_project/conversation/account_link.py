"""LINE's account link, for a clinic with a login of its own: a nonce for whoever logged in.

The clinic's login, which knows who somebody is, hands over the link token LINE gave it and
the charts of the person, and sends them on to the address it gets back. LINE then tells the
webhook that account and nonce belong together. The nonce is kept as a digest like any code.
Source: https://developers.line.biz/en/docs/messaging-api/linking-accounts/
"""

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from dagster_project.conversation.codes import RELATIONS
from dagster_project.ingest.reachability import patient_id
from dagster_project.ledger.conversation import issue_nonce

MAX_BODY = 8 * 1024
BODY_SECONDS = 1.0  # for the whole body to arrive
SECRET_PREFIX = "TAGLINE_LOGIN_SECRET_"  # noqa: S105 - the name of a variable


def endpoint(
    engine: Engine,
    secrets: Mapping[str, str],
    dialogs: Mapping[str, str],
    clock: Callable[[], datetime],
) -> Callable[[Request], object]:
    """Return POST /account-link/CLINIC: {linkToken, patientIds, relation?, relations?}.

    It answers {redirect}. `secrets`, by clinic, are what its login shows as a bearer token;
    `dialogs` are the addresses of LINE's dialog. Whoever has no secret is told nothing.
    """

    async def account_link(request: Request) -> Response:
        clinic_id = request.path_params["clinic_id"]
        secret = secrets.get(clinic_id)
        shown = request.headers.get("authorization", "").encode("latin-1", "replace")
        if not secret or not hmac.compare_digest(f"Bearer {secret}".encode(), shown):
            return Response(status_code=401)
        declared = request.headers.get("content-length", "")
        if not declared.isdecimal() or int(declared[:20]) > MAX_BODY:
            return Response(status_code=413)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                raw = await request.body()
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408, headers={"Connection": "close"})
        asked = _asked(raw)
        if asked is None:
            return Response(status_code=400)
        token, charts, relation = asked
        try:
            nonce = await run_in_threadpool(
                issue_nonce, engine, clinic_id, [*charts], relation, clock(), charts
            )
        except SQLAlchemyError:
            return Response(status_code=503)
        query = urlencode({"linkToken": token, "nonce": nonce}, quote_via=quote)
        headers = {"Cache-Control": "no-store"}
        return JSONResponse({"redirect": f"{dialogs[clinic_id]}?{query}"}, headers=headers)

    return account_link


def _asked(raw: bytes) -> tuple[str, dict[str, str], str] | None:
    """Return link token, relation by chart, and the relation to those that have none of their own.

    None where the request is not a whole one.
    """
    try:
        body = json.loads(raw)
        token, charts, relation = body["linkToken"], body["patientIds"], body.get("relation")
        own = body.get("relations")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    relation, own = relation or "self", own or {}
    is_list = isinstance(charts, list) and 0 < len(charts) <= 20
    is_token = isinstance(token, str) and token.isascii() and token != ""
    if not (is_token and is_list and isinstance(relation, str) and relation in RELATIONS):
        return None
    if not all(isinstance(each, str) and each.isalnum() and len(each) <= 40 for each in charts):
        return None
    is_own = isinstance(own, dict) and own.keys() <= {*charts}
    if not is_own or not all(isinstance(each, str) and each in RELATIONS for each in own.values()):
        return None
    of_each = {patient_id(each): own.get(each, relation) for each in sorted(charts)}
    return token, of_each, relation
