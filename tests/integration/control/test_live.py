"""The live stream: what is committed is told once, in order, and a connection that broke goes on where it was."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.integration.control.world import Household, World

from guardian.control.live import service


class Stream:
    """Messages of one connection, as a browser reads them."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()
        self.last_id = ""

    async def next(self, *wanted: str) -> tuple[str, Any]:
        """The next message of a wanted kind."""
        async with asyncio.timeout(20):
            while True:
                kind, data = await self._message()
                if kind in wanted:
                    return kind, data

    async def _message(self) -> tuple[str, Any]:
        kind, data = "", ""
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if not line and data:
                return kind, json.loads(data)
            if not line:
                kind = ""
            elif name == "id":
                self.last_id = value
                if not kind and not data:
                    return "opened", None
            elif name == "event":
                kind = value
            elif name == "data":
                data = value
        raise EOFError


@asynccontextmanager
async def listening(home: Household, last_id: str = "", **query: Any) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with home.browser.stream("GET", "/api/v1/events/stream", headers=headers, params=query) as answer:
        assert answer.status_code == 200
        yield Stream(answer)


async def test_an_event_reaches_an_open_page(home: Household) -> None:
    async with listening(home) as stream:
        await stream.next("opened")
        summary = home.summary()
        await home.send(summary)
        _, event = await stream.next("event")
        assert event == await home.get(f"/events/{summary.id}")
        assert stream.last_id == str(event["counter"])


async def test_a_connection_that_broke_misses_nothing_and_sees_nothing_twice(home: Household) -> None:
    first, second, third = (home.summary() for _ in range(3))
    async with listening(home) as stream:
        await stream.next("opened")
        await home.send(first)
        await stream.next("event")
        last_id = stream.last_id
    await home.send(second)
    async with listening(home, last_id) as stream:
        await home.send(third)
        seen = [(await stream.next("event"))[1]["id"] for _ in range(2)]
    assert seen == [second.id, third.id]


async def test_a_page_opened_at_a_counter_begins_there(home: Household) -> None:
    await home.send(*(home.summary() for _ in range(3)))
    items = (await home.get("/events"))["items"]
    second = sorted(event["counter"] for event in items)[1]
    async with listening(home, after=second) as stream:
        assert (await stream.next("event"))[1]["counter"] == second + 1


async def test_a_new_revision_is_told_under_a_new_number(home: Household) -> None:
    summary = home.summary()
    async with listening(home) as stream:
        await stream.next("opened")
        await home.send(summary)
        _, before = await stream.next("event")
        await home.send(home.summary(id=summary.id, revision=2))
        _, after = await stream.next("event")
    assert after["id"] == before["id"]
    assert after["counter"] > before["counter"]


@pytest.mark.parametrize("last_id", ["999999999", "-1", "nonsense", "9" * 30, "1e3"])
async def test_an_id_that_was_never_given_starts_over(lodger: Household, last_id: str) -> None:
    async with listening(lodger, last_id) as stream:
        await stream.next("reset")


async def test_who_missed_too_much_starts_over(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_REPLAY", 2)
    await home.send(*(home.summary() for _ in range(4)))
    async with listening(home, after=0) as stream:
        await stream.next("reset")
    async with listening(home, after=2) as stream:
        assert (await stream.next("event"))[1]["counter"] == 3


async def test_cameras_and_roster_are_announced(home: Household) -> None:
    async with listening(home) as stream:
        await stream.next("opened")
        await home.report()
        await stream.next("cameras")
        await home.post_roster(0, home.begin_roster())
        await stream.next("roster")


async def test_another_tenants_event_wakes_nobody_here(home: Household, neighbour: Household) -> None:
    async with listening(home) as stream:
        await stream.next("opened")
        await neighbour.send(neighbour.summary())
        mine = home.summary()
        await home.send(mine)
        assert (await stream.next("event"))[1]["id"] == mine.id


async def test_a_stream_ends_when_its_session_ends(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HEARTBEAT", 0.05)
    async with listening(home) as stream:
        await stream.next("opened")
        await home.browser.delete("/api/v1/session")
        with pytest.raises(EOFError):
            await stream.next("event")


async def test_open_streams_end_when_the_daemon_stops(own_world: World) -> None:
    async with own_world.household() as home, listening(home) as stream:
        await stream.next("opened")
        stopped = asyncio.create_task(own_world.api.stop())
        with pytest.raises(EOFError):
            await stream.next("event")
        await asyncio.wait_for(stopped, 30)


async def test_commits_by_many_at_once_leave_no_hole_for_a_reader(home: Household) -> None:
    async with listening(home) as stream:
        await stream.next("opened")
        sent = [home.summary() for _ in range(40)]
        await asyncio.gather(*(home.send(*sent[start : start + 5]) for start in range(0, 40, 5)))
        seen = [(await stream.next("event"))[1] for _ in range(40)]
    assert sorted(event["id"] for event in seen) == sorted(summary.id for summary in sent)
    assert [event["counter"] for event in seen] == sorted(event["counter"] for event in seen)
