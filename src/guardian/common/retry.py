"""Back-off between tries: exponential, full jitter, capped, so that many waiters do not come back at once."""

import asyncio
import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Delays in seconds: uniform in [floor, min(maximum, initial * 2**tries)].

    Full jitter spreads reconnecting edges evenly; the floor keeps a refused connection from turning into a busy loop.
    """

    initial: float = 0.5
    maximum: float = 30.0
    floor: float = 0.1
    tries: int = field(default=0, init=False)

    def next(self) -> float:
        """The next delay, in seconds."""
        ceiling = min(self.maximum, self.initial * 2 ** min(self.tries, 16))
        self.tries += 1
        return random.uniform(self.floor, max(self.floor, ceiling))

    def reset(self) -> None:
        """What was tried has worked: begin again from `initial`."""
        self.tries = 0

    async def wait(self, stopping: asyncio.Event) -> bool:
        """Sleep the next delay; returns True at once when `stopping` is set."""
        try:
            await asyncio.wait_for(stopping.wait(), self.next())
        except TimeoutError:
            return False
        return True
