"""Tells waiting streams that something new is there; a ring between two waits is not lost."""

import asyncio


class Bell:
    """A counter that can be waited on: remember `count`, look, then `wait(count)`."""

    def __init__(self) -> None:
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake everyone who waits."""
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def wait(self, seen: int) -> None:
        """Return once the bell was rung after `seen`."""
        if self.count != seen:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
