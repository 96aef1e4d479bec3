"""The simulator over HTTP: LINE's paths, a control API under /_simulator/, and two pages."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web

from dagster_project.simulator import (
    account,
    control,
    insight,
    linking,
    messaging,
    page,
    patient,
    rich_menu,
    token,
    webhook,
)
from dagster_project.simulator.answers import Handler, for_channel
from dagster_project.simulator.state import State

STATE = web.AppKey("state", State)
MAX_CONTROL_BODY = 64 * 1024 * 1024  # a large clinic's friends, in one request


def build_app(state: State) -> web.Application:
    """Return the web application of one simulator."""
    app = web.Application(client_max_size=MAX_CONTROL_BODY, middlewares=[_count])
    app[STATE] = state
    for method, path, handler in (
        ("POST", "/v2/bot/message/push", for_channel(messaging.push, takes_retry_key=True)),
        (
            "POST",
            "/v2/bot/message/multicast",
            for_channel(messaging.multicast, takes_retry_key=True),
        ),
        ("POST", "/v2/bot/message/reply", for_channel(messaging.reply)),
        ("POST", "/v2/bot/message/validate/push", for_channel(messaging.validate)),
        ("POST", "/v2/bot/message/validate/multicast", for_channel(messaging.validate)),
        ("POST", "/oauth2/v3/token", token.issue),
        ("GET", "/v2/bot/channel/webhook/endpoint", for_channel(webhook.endpoint)),
        ("POST", "/v2/bot/channel/webhook/test", for_channel(webhook.test)),
        ("GET", "/v2/bot/info", for_channel(account.bot_info)),
        ("GET", "/v2/bot/message/quota", for_channel(account.quota)),
        ("GET", "/v2/bot/message/quota/consumption", for_channel(account.consumption)),
        ("GET", "/v2/bot/message/delivery/multicast", for_channel(account.multicast_count)),
        ("GET", "/v2/bot/message/aggregation/info", for_channel(account.unit_count)),
        ("GET", "/v2/bot/message/aggregation/list", for_channel(account.unit_names)),
        ("GET", "/v2/bot/insight/message/event/aggregation", for_channel(insight.per_unit)),
        ("GET", "/v2/bot/followers/ids", for_channel(account.followers)),
        ("GET", "/v2/bot/profile/{user}", for_channel(account.profile)),
        ("POST", "/v2/bot/user/{user}/linkToken", for_channel(linking.link_token)),
        ("GET", "/dialog/bot/accountLink", linking.dialog),
        ("GET", "/v2/bot/richmenu/list", for_channel(rich_menu.listed)),
        ("POST", "/v2/bot/richmenu", for_channel(rich_menu.create)),
        ("POST", "/v2/bot/richmenu/{menu}/content", for_channel(rich_menu.content)),
        ("DELETE", "/v2/bot/richmenu/{menu}", for_channel(rich_menu.delete)),
        ("GET", "/v2/bot/user/all/richmenu", for_channel(rich_menu.default)),
        ("POST", "/v2/bot/user/all/richmenu/{menu}", for_channel(rich_menu.set_default)),
        ("POST", "/_simulator/channels", control.channels),
        ("POST", "/_simulator/friends", control.friends),
        ("POST", "/_simulator/faults", control.faults),
        ("POST", "/_simulator/clock", control.clock),
        ("GET", "/_simulator/inbox", control.inbox),
        ("GET", "/_simulator/requests", control.requests),
        ("GET", "/", page.overview),
        ("GET", "/chat", page.chat),
        ("POST", "/chat", patient.say),
    ):
        app.router.add_route(method, path, _with_state(handler))
    return app


@web.middleware
async def _count(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    state = request.app[STATE]
    state.calls[f"{request.method} {request.path}"] += 1
    await patient.block_when_due(state)
    return await handler(request)


def _with_state(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request, request.app[STATE])

    return handle


@dataclass
class RunningSimulator:
    """A simulator in a thread of this process; close it, or use it in a `with`."""

    base_url: str
    state: State
    _loop: asyncio.AbstractEventLoop
    _thread: threading.Thread

    def close(self) -> None:
        """Stop serving; what was accepted stays in its journal."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self.state.close()

    def __enter__(self) -> "RunningSimulator":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def start(
    state_dir: Path | None = None, now: datetime | None = None, port: int = 0
) -> RunningSimulator:
    """Start a simulator on this machine only and return where it listens.

    `state_dir` lets it remember across restarts; `now` is its clock, the real one if None.
    """
    state = State(state_dir, now)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    address: list[str] = []

    def serve() -> None:
        asyncio.set_event_loop(loop)
        runner = web.AppRunner(build_app(state), access_log=None, shutdown_timeout=0.5)
        loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", port)
        loop.run_until_complete(site.start())
        host, bound = runner.addresses[0][:2]
        address.append(f"http://{host}:{bound}")
        ready.set()
        loop.run_forever()
        with suppress(Exception):
            loop.run_until_complete(runner.cleanup())
        left = asyncio.all_tasks(loop)  # requests that were to hang
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=serve, name="line-simulator", daemon=True)
    thread.start()
    if not ready.wait(timeout=10):
        raise TimeoutError("the simulator did not start")
    return RunningSimulator(address[0], state, loop, thread)


def run_forever(port: int, state_dir: Path, now: datetime | None) -> None:
    """Serve in the foreground until interrupted, at a pretended instant if one is given."""
    with start(state_dir, now, port) as running, suppress(KeyboardInterrupt):
        running._thread.join()
