"""What stands before every route: size limits, the request header of our own page, security headers."""

import asyncio

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guardian.control.api.problems import from_error, problem
from guardian.control.config import ApiSection
from guardian.control.errors import TooLarge

API = "/api/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY = 64 * 1024
BODY_SECONDS = 60.0
# Signed payloads are larger than anything else a browser sends.
LARGER = {"/api/v1/vault/roster": 8 << 20, "/api/v1/commands": 512 * 1024}


def security_headers(settings: ApiSection) -> list[tuple[bytes, bytes]]:
    """For every answer."""
    policy = {
        "default-src": "'self'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "connect-src": " ".join(["'self'", *settings.relay_origins]),
        "img-src": "'self' blob: data:",
        "media-src": "'self' blob:",
        "worker-src": "'self'",
        "style-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }
    if settings.secure_cookie:
        headers["strict-transport-security"] = "max-age=63072000"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class Guard:
    """ASGI middleware; streams pass through it piece by piece."""

    def __init__(self, app: ASGIApp, settings: ApiSection) -> None:
        self._app = app
        self._headers = security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse early, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = [item for item in self._headers if item[0] not in present]
                if scope["path"].startswith(API) and b"cache-control" not in present:
                    extra.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        headers = {name.lower(): value for name, value in scope["headers"]}
        if scope["path"].startswith(API) and scope["method"] not in SAFE and not headers.get(b"x-guardian-request"):
            sentence = "State is changed only by requests that carry the header X-Guardian-Request."
            answer = problem(403, "request_header_missing", sentence)
            await answer(scope, receive, send_with_headers)
            return
        limit = LARGER.get(scope["path"], MAX_BODY)
        body = _Limited(receive, limit)
        if body.announced_too_much(headers.get(b"content-length", b"0")):
            await from_error(_too_large(limit))(scope, receive, send_with_headers)
            return
        await self._app(scope, body.receive, send_with_headers)


class _Limited:
    """A request's body, refused as soon as it is longer than it may be, or has dripped in for too long."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0
        self._whole = False
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS

    def announced_too_much(self, length: bytes) -> bool:
        return not length.isdigit() or int(length[:18]) > self._limit

    async def receive(self) -> Message:
        if self._whole:
            # What comes now is the end of the connection, which a stream waits for as long as it lives.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        self._whole = not message.get("more_body", False)
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            # The one kind of error that FastAPI lets through while it reads a body.
            raise HTTPException(413)
        return message


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is larger than the {limit} bytes this address takes.", reason="body_too_large")
