"""How many requests were answered how, and how fast: of addresses and people nothing."""

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STREAM = b"text/event-stream"


class Answers:
    """What `/metrics` says of requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter("guardian_api_answers", "Requests answered, by class", ["status"], registry=registry)
        self._seconds = Histogram(
            "guardian_api_seconds", "From request to the answer's first byte", buckets=_BUCKETS, registry=registry
        )
        # An alert compares rates, and a series that is not there yet has none.
        for status in ("2xx", "3xx", "4xx", "5xx"):
            self._count.labels(status)

    def took(self, status: int, seconds: float | None) -> None:
        """One answer; `seconds` is None for a stream, which begins at once and says nothing of speed."""
        self._count.labels(f"{status // 100}xx").inc()
        if seconds is not None:
            self._seconds.observe(seconds)


class Counted:
    """ASGI middleware around all others."""

    def __init__(self, app: ASGIApp, answers: Answers) -> None:
        self._app, self._answers = app, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note the answer's status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, begun = time.monotonic(), False

        async def noting(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                streams = any(
                    name.lower() == b"content-type" and _STREAM in value for name, value in message["headers"]
                )
                self._answers.took(message["status"], None if streams else time.monotonic() - began)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            if not begun:
                self._answers.took(500, time.monotonic() - began)
            raise
