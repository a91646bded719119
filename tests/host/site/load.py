"""Browsers that ask the API without a pause, each request on a connection of its own."""

import asyncio
from typing import Self

import httpx
from tests.host.site.household import Owner, client

AT_ONCE = 4
# Whether it lives, and what an owner's page shows: her session and her rows out of the database.
ASKED = ("/api/v1/health/live", "/api/v1/events?limit=20")


class Load:
    """`refused` holds what was not answered as it should be; filled between `async with` and its end."""

    def __init__(self, owner: Owner) -> None:
        self._base = owner.base
        self._cookies = owner.http.cookies
        self._stopping = False
        self.answered = 0
        self.refused: list[str] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._browse()) for _ in range(AT_ONCE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _browse(self) -> None:
        async with client(self._base) as http:
            http.cookies.update(self._cookies)
            while not self._stopping:
                for path in ASKED:
                    await self._ask(http, path)
                    # Leave the cores to those who work.
                    await asyncio.sleep(0.2)

    async def _ask(self, http: httpx.AsyncClient, path: str) -> None:
        try:
            answer = await http.get(path)
        except httpx.TransportError as error:
            self.refused.append(f"{path} {error!r}")
            return
        self.answered += 1
        if answer.status_code != 200:
            self.refused.append(f"{path} {answer.status_code} {answer.text[:200]}")
