"""The webhook as an ASGI app: one URL a clinic; nothing is acknowledged that is not kept.

LINE wants an answer within two seconds and may deliver an event twice, late, or out of
order. The signature is checked on the raw bytes before anything else is looked at.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from dagster_project.conversation.account_link import endpoint
from dagster_project.conversation.answer import Message, answer, login_button
from dagster_project.conversation.chart import Judge
from dagster_project.conversation.events import Arrival, BodyError, Event, parse
from dagster_project.conversation.intake import Intake, Kept
from dagster_project.conversation.script import Script
from dagster_project.forget.hashes import LostKeyError
from dagster_project.ledger.conversation import account, keep

MAX_BODY = 1024 * 1024
BODY_SECONDS = 1.0  # for the whole body to arrive
KEEP_SECONDS = 1.7  # from the first byte to being kept; LINE waits two for its answer
ANSWERS_AT_ONCE = 4
JUDGES_AT_ONCE = 4
HANG_UP = {"connection": "close"}  # the rest of the body is not waited for
# The ledger cannot be asked, or cannot tell who was forgotten.
UNREACHABLE = (SQLAlchemyError, LostKeyError)
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

    judges: Mapping[str, Judge] = field(default_factory=dict)
    alert_targets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    login_urls: Mapping[str, str] = field(default_factory=dict)
    login_secrets: Mapping[str, str] = field(default_factory=dict)
    dialogs: Mapping[str, str] = field(default_factory=dict)
    # Beyond the words of all. Asked each time: a clinic may change its files meanwhile.
    scripts: Mapping[str, Callable[[], Script]] = field(default_factory=dict)
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

    def store(clinic_id: str, events: Sequence[Event]) -> set[str]:
        targets = ways.alert_targets.get(clinic_id, ())
        return keep(engine, clinic_id, events, clock(), targets, ways.forget_key())

    # Few: answers that are slow, or many, must not take the processor from what is to be kept.
    answering = ThreadPoolExecutor(ANSWERS_AT_ONCE, "answering")
    judging = ThreadPoolExecutor(JUDGES_AT_ONCE, "judging")
    intake = Intake(store)

    async def webhook(request: Request) -> Response:
        clinic_id = request.path_params["clinic_id"]
        secret = secrets.get(clinic_id)
        if secret is None:
            return Response(status_code=404)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + KEEP_SECONDS
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
        except TimeoutError:
            return Response(status_code=408, headers=HANG_UP)
        if body is None:
            return Response(status_code=413, headers=HANG_UP)
        if not is_signed(body, request.headers.get("x-line-signature", ""), secret):
            return Response(status_code=401)
        try:
            arrivals = parse(body)
        except BodyError:
            return Response(status_code=400)
        if judge := ways.judges.get(clinic_id):
            # Unjudged they are not kept: a birth date may be among them. LINE delivers them again.
            verdicts = loop.run_in_executor(judging, _judged, arrivals, judge)
            if not await _is_done(verdicts, clinic_id, deadline):
                return Response(status_code=503)
            arrivals = await verdicts
        kept = intake.put(clinic_id, arrivals)
        is_kept = await _is_done(kept, clinic_id, deadline)
        # What takes too long is not acknowledged: LINE delivers it again. It is answered all the
        # same when it is kept in the end, as the second delivery will then be nothing new.
        task = BackgroundTask(answer_when_kept, kept, clinic_id)
        return Response(status_code=200 if is_kept else 503, background=task)

    async def answer_when_kept(kept: Kept, clinic_id: str) -> None:
        with suppress(*UNREACHABLE):
            if fresh := await kept:
                replier = repliers.get(clinic_id)
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(
                    answering, _respond, engine, clinic_id, fresh, replier, ways
                )

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


async def _is_done(work: asyncio.Future[Any], clinic_id: str, deadline: float) -> bool:
    """Return whether something the ledger has a part in is done within the time there is."""
    try:
        async with asyncio.timeout_at(deadline):
            await asyncio.shield(work)
    except (*UNREACHABLE, TimeoutError) as error:
        log.error("%s: the ledger is out of reach: %s", clinic_id, type(error).__name__)
        return False
    return True


async def _body(request: Request) -> bytes | None:
    """Return the whole body, None when it is larger than any webhook."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY:
        return None
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


def _judged(arrivals: Sequence[Arrival], judge: Judge) -> list[Arrival]:
    ordered = sorted(arrivals, key=lambda each: each.event)
    judged = judge([each.event for each in ordered])
    return [replace(each, event=event) for each, event in zip(ordered, judged, strict=True)]


def _respond(
    engine: Engine,
    clinic_id: str,
    arrivals: Sequence[Arrival],
    replier: Replier | None,
    ways: Ways,
) -> None:
    """Answer what may be answered. Runs after the webhook was acknowledged, in a thread."""
    script = ways.scripts.get(clinic_id, Script)()
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
