"""The webhook as an ASGI app: one URL a clinic; nothing is acknowledged that is not kept.

LINE wants an answer within two seconds and may deliver an event twice, late, or out of
order. The signature is checked on the raw bytes before anything else is looked at.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
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

from dagster_project.conversation.answer import Message, answer
from dagster_project.conversation.events import Arrival, BodyError, parse
from dagster_project.conversation.script import Script
from dagster_project.forget.hashes import LostKeyError
from dagster_project.ledger.conversation import account, keep, report_urgent

MAX_BODY = 1024 * 1024
log = logging.getLogger(__name__)


class Replier(Protocol):
    """Whatever answers in a chat with a reply token."""

    def reply(self, reply_token: str, messages: Sequence[Message]) -> None:
        """Answer once; a token that is used or old is no error worth more than a line."""


def build_app(
    engine: Engine,
    secrets: Mapping[str, str],
    repliers: Mapping[str, Replier],
    clock: Callable[[], datetime],
    scripts: Mapping[str, Script] | None = None,
    forget_key: Callable[[], bytes] = bytes,
) -> Starlette:
    """Return the app. `secrets` and `repliers` are by clinic; a clinic without one is unknown.

    `scripts` are what the chat of each clinic understands beyond the words of this release.
    `forget_key` is asked each time: the first person may be forgotten while it runs.
    """
    plain = Script()
    known = scripts or {}

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
            new = await run_in_threadpool(
                keep, engine, clinic_id, [each.event for each in arrivals], clock(), forget_key()
            )
        except BodyError:
            return Response(status_code=400)
        except (SQLAlchemyError, LostKeyError) as error:
            # Not kept, so not acknowledged: LINE delivers it again.
            log.error("%s: the ledger is out of reach: %s", clinic_id, type(error).__name__)
            return Response(status_code=503)
        fresh = [each for each in arrivals if each.event.event_id in new]
        script = known.get(clinic_id, plain)
        replier = repliers.get(clinic_id)
        task = BackgroundTask(_respond, engine, clinic_id, fresh, replier, clock, script)
        return Response(status_code=200, background=task if fresh else None)

    async def health(_: Request) -> Response:
        return Response(status_code=200)

    return Starlette(
        routes=[
            Route("/webhook/{clinic_id}", webhook, methods=["POST"]),
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


def _respond(
    engine: Engine,
    clinic_id: str,
    arrivals: Sequence[Arrival],
    replier: Replier | None,
    clock: Callable[[], datetime],
    script: Script,
) -> None:
    """Answer what may be answered. Runs after the webhook was acknowledged, in a thread."""
    for arrival in sorted(arrivals, key=lambda each: each.event):
        event = arrival.event
        if event.kind == "message" and script.words.is_urgent(event.said):
            report_urgent(engine, clinic_id, event, clock())
        if replier is None or arrival.reply_token is None:
            continue
        now = account(engine, clinic_id, event.line_user_id, script)
        messages = answer(event, now, script)
        if messages:
            replier.reply(arrival.reply_token, messages)
