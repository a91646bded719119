"""Browsers that ask the API without a pause, each request on a connection of its own."""

import asyncio
from typing import Self

import httpx
from tests.host.site.household import client

AT_ONCE = 2


class Load:
    """`refused` holds what was not answered as it should be; filled between `async with` and its end."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._stopping = False
        self.answered = 0
        self.refused: list[str] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(AT_ONCE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _ask(self) -> None:
        async with client(self._base) as http:
            while not self._stopping:
                try:
                    answer = await http.get("/api/v1/health/live")
                except httpx.TransportError as error:
                    self.refused.append(repr(error))
                else:
                    self.answered += 1
                    if answer.status_code != 200:
                        self.refused.append(f"{answer.status_code} {answer.text[:200]}")
                # Leave the cores to those who work.
                await asyncio.sleep(0.1)
