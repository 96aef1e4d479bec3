"""The webhook as an ASGI app: one URL a clinic; nothing is acknowledged that is not kept.

LINE wants an answer within two seconds and may deliver an event twice, late, or out of
order. The signature is checked on the raw bytes before anything else is looked at.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from dagster_project.conversation.account_link import endpoint
from dagster_project.conversation.answer import Message, answer, login_button
from dagster_project.conversation.events import Arrival, BodyError, Event, parse
from dagster_project.conversation.script import Script
from dagster_project.forget.hashes import LostKeyError
from dagster_project.ledger.conversation import account, keep

MAX_BODY = 1024 * 1024
log = logging.getLogger(__name__)


class Replier(Protocol):
    """Whatever answers in a chat with a reply token."""

    def reply(self, reply_token: str, messages: Sequence[Message]) -> None:
        """Answer once; a token that is used or old is no error worth more than a line."""

    def link_token(self, line_user_id: str) -> str | None:
        """Return a token with which an account can be linked, None where LINE gives none."""


@dataclass(frozen=True)
class Ways:
    """What some clinics have beside the words of all and the code of the reception, by clinic."""

    judges: Mapping[str, Callable[[Event], Event]] = field(default_factory=dict)
    alert_targets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    login_urls: Mapping[str, str] = field(default_factory=dict)
    login_secrets: Mapping[str, str] = field(default_factory=dict)
    dialogs: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, Script] = field(default_factory=dict)  # beyond the words of all
    # Asked each time: the first person may be forgotten while the service runs.
    forget_key: Callable[[], bytes] = bytes


def build_app(
    engine: Engine,
    secrets: Mapping[str, str],
    repliers: Mapping[str, Replier],
    clock: Callable[[], datetime],
    ways: Ways = Ways(),
) -> Starlette:
    """Return the app. `secrets` and `repliers` are by clinic; a clinic without one is unknown."""

    async def webhook(request: Request) -> Response:
        clinic_id = request.path_params["clinic_id"]
        secret = secrets.get(clinic_id)
        if secret is None:
            return Response(status_code=404)
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        if not is_signed(body, request.headers.get("x-line-signature", ""), secret):
            return Response(status_code=401)
        try:
            arrivals = parse(body)
            if judge := ways.judges.get(clinic_id):
                arrivals = await run_in_threadpool(_judged, arrivals, judge)
            events = [each.event for each in arrivals]
            targets = ways.alert_targets.get(clinic_id, ())
            new = await run_in_threadpool(
                keep, engine, clinic_id, events, clock(), targets, ways.forget_key()
            )
        except BodyError:
            return Response(status_code=400)
        except (SQLAlchemyError, LostKeyError) as error:
            # Not kept, so not acknowledged: LINE delivers it again.
            log.error("%s: the ledger is out of reach: %s", clinic_id, type(error).__name__)
            return Response(status_code=503)
        fresh = [each for each in arrivals if each.event.event_id in new]
        task = BackgroundTask(_respond, engine, clinic_id, fresh, repliers.get(clinic_id), ways)
        return Response(status_code=200, background=task if fresh else None)

    async def health(_: Request) -> Response:
        return Response(status_code=200)

    return Starlette(
        routes=[
            Route("/webhook/{clinic_id}", webhook, methods=["POST"]),
            Route(
                "/account-link/{clinic_id}",
                endpoint(engine, ways.login_secrets, ways.dialogs, clock),
                methods=["POST"],
            ),
            Route("/health", health),
        ]
    )


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Return whether a signature is that of the raw body under the channel's secret."""
    wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(wanted, signature.encode("latin-1", "replace"))


async def _body(request: Request) -> bytes | None:
    """Return the whole body, None when it is larger than any webhook."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY:
                return None
            parts.append(part)
    except ClientDisconnect:
        return b""
    return b"".join(parts)


def _judged(arrivals: Sequence[Arrival], judge: Callable[[Event], Event]) -> list[Arrival]:
    return [replace(each, event=judge(each.event)) for each in arrivals]


def _respond(
    engine: Engine,
    clinic_id: str,
    arrivals: Sequence[Arrival],
    replier: Replier | None,
    ways: Ways,
) -> None:
    """Answer what may be answered. Runs after the webhook was acknowledged, in a thread."""
    script = ways.scripts.get(clinic_id, Script())
    for arrival in sorted(arrivals, key=lambda each: each.event):
        event = arrival.event
        if replier is None or arrival.reply_token is None:
            continue
        url = ways.login_urls.get(clinic_id)
        if url and event.kind == "message" and script.words.means(event.said, "login"):
            if token := replier.link_token(event.line_user_id):
                replier.reply(arrival.reply_token, [login_button(url, token, script.words)])
            continue
        messages = answer(event, account(engine, clinic_id, event.line_user_id, script), script)
        if messages:
            replier.reply(arrival.reply_token, messages)
