"""How often one address may ask, how large a body may be, and the headers every answer carries."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guardian.node.relay.problems import Problem, response

MAX_BODY = 96 << 10
BODY_SECONDS = 10.0
_MAX_ADDRESSES = 10_000
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]


class Buckets:
    """A token bucket an address; the one not seen for longest is forgotten first."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """0 when the request may pass, else the seconds to wait."""
        moment = self._clock()
        level, before = self._buckets.get(address, (self._burst, moment))
        level = min(self._burst, level + (moment - before) * self._rate)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._buckets[address] = (level if wait else level - 1, moment)
        self._buckets.move_to_end(address)
        while len(self._buckets) > _MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return wait


class Guard:
    """ASGI middleware: rate limits before any work, fixed headers on every answer."""

    def __init__(self, app: ASGIApp, *, requests: Buckets, logins: Buckets) -> None:
        self._app = app
        self._requests = requests
        self._logins = logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        wait = self._wait(scope)
        if wait > 0:
            problem = Problem(
                429,
                "Too many requests from this address.",
                reason="rate_limited",
                headers={"Retry-After": str(math.ceil(wait))},
            )
            await response(problem)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _wait(self, scope: Scope) -> float:
        client: Any = scope.get("client")
        address = str(client[0]) if client else ""
        login = scope["method"] == "POST"
        return max(self._requests.take(address), self._logins.take(address) if login else 0.0)


async def read_body(request: Request) -> bytes:
    """The whole body; Problem 413 when it is larger than any we know, 408 when it drips."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY:
                    raise Problem(413, "The request is too large.", reason="request_too_large")
    except TimeoutError:
        raise Problem(408, "The request did not come to its end in time.", reason="request_slow") from None
    return body
