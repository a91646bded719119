"""An HTTP connection that a stranger cannot hold for nothing: so many an address, and so long without a request."""

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# uvicorn itself waits for ever for a connection's first request, and for the end of a header that drips in.
PATIENCE_SECONDS = 10.0


class _Answering(H11Protocol):
    """Ends like uvicorn's own, but answers who was taken and whose first request is on its way."""

    _closing = False

    def shutdown(self) -> None:
        # None before the first request, which uvicorn does not say; it would close the connection as if refused.
        cycle: Any = self.cycle
        if cycle is None:
            self._closing = True
            return
        super().shutdown()

    def handle_events(self) -> None:
        super().handle_events()
        cycle: Any = self.cycle
        if self._closing and cycle is not None:
            cycle.keep_alive = False


def patient(per_address: int = 0) -> type[H11Protocol]:
    """A protocol for `uvicorn.Config(http=…)`; counts are its own. `per_address` 0: no limit, as behind a proxy."""
    open_now: Counter[str] = Counter()

    class Patient(_Answering):
        _address = ""
        _looking: asyncio.TimerHandle | None = None
        _seen: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._address = self.client[0] if self.client else ""
            open_now[self._address] += 1
            if per_address and open_now[self._address] > per_address:
                transport.abort()
            self._look_later()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._looking is not None:
                self._looking.cancel()
            open_now[self._address] -= 1
            if open_now[self._address] <= 0:
                del open_now[self._address]
            super().connection_lost(exc)

        def _look_later(self) -> None:
            # `cycle` is the request being served or, when there is none, the one before.
            self._seen = self.cycle
            self._looking = self.loop.call_later(PATIENCE_SECONDS, self._look)

        def _look(self) -> None:
            # None before the first request, which uvicorn does not say.
            cycle: Any = self.cycle
            if cycle is self._seen and (cycle is None or cycle.response_complete):
                self.transport.abort()
                return
            self._look_later()

    return Patient
