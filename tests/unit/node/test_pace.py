"""All edges share one pace; who goes away while it waits has taken nothing of it from the others."""

import asyncio
import contextlib
import time

from guardian.node.gateway.update_service import _Pace


async def test_calls_that_were_ended_while_they_waited_cost_nobody_anything() -> None:
    pace = _Pace(1000.0)
    await pace.wait(100)
    gone = [asyncio.create_task(pace.wait(1_000_000)) for _ in range(50)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    # What the first took is a tenth of a second; theirs would have been hours.
    assert pace._free_at - time.monotonic() <= 0.1
    async with asyncio.timeout(60):
        await pace.wait(1)
