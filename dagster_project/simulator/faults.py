"""What can go wrong between a client and LINE, by name; one a message request, on script.

`slow` and `redirect` take an argument after a colon: seconds, and where to.
"""

import asyncio
import socket
import struct

from aiohttp import web

from dagster_project.simulator.answers import (
    FORBIDDEN,
    MONTHLY_LIMIT,
    RATE_LIMIT,
    UNAUTHORIZED,
    answer,
    error,
)

# Before LINE takes the message, after it did, and as LINE does while it still has quota left.
BEFORE = {
    "reset_before", "500_before", "502_html", "429_rate", "429_retry_after", "401_once",
    "400_bare", "403_forbidden", "redirect",
}  # fmt: skip
AFTER = {
    "accept_500", "accept_reset", "accept_fin", "accept_hang", "accept_truncated", "accept_html",
}  # fmt: skip
RESERVED = "429_reserved"
SLOW = "slow"
NAMES = {"", SLOW, RESERVED} | BEFORE | AFTER
HANG_SECONDS = 60
SLOW_SECONDS = 1.0


def is_known(fault: str) -> bool:
    """Return whether a script may name this fault."""
    return fault.partition(":")[0] in NAMES


async def delay(argument: str) -> None:
    """Wait as long as a `slow` fault says, before LINE looks at the request."""
    await asyncio.sleep(float(argument or SLOW_SECONDS))


async def fail(
    request: web.Request, name: str, argument: str, request_id: str
) -> web.StreamResponse:
    """Answer, or break off, as the fault says."""
    match name:
        case "500_before" | "accept_500":
            return error(500, "Internal server error", request_id)
        case "429_rate":
            return error(429, RATE_LIMIT, request_id)
        case "429_retry_after":
            return answer(429, {"message": RATE_LIMIT}, request_id, {"Retry-After": "3"})
        case "429_reserved":
            return error(429, MONTHLY_LIMIT, request_id)
        case "401_once":
            return error(401, UNAUTHORIZED, request_id)
        case "403_forbidden":
            return error(403, FORBIDDEN, request_id)
        case "400_bare":
            return error(400, "Bad request", request_id)
        case "redirect":
            to = argument or str(request.url)
            return answer(307, {}, request_id, {"Location": to})
        case "502_html":
            return _page(502)
        case "accept_html":
            # A proxy on the way answers in LINE's place, cheerfully.
            return _page(200)
        case "accept_hang":
            await asyncio.sleep(HANG_SECONDS)
    return _break_off(request, name)


def _page(status: int) -> web.Response:
    return web.Response(status=status, text="<html>proxy</html>", content_type="text/html")


def _break_off(request: web.Request, name: str) -> web.StreamResponse:
    transport = request.transport
    if transport is not None and name == "accept_truncated":
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{")
        transport.close()
    elif transport is not None:
        if name in {"reset_before", "accept_reset"}:
            # No lingering: the peer sees a reset, not an orderly end.
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)
