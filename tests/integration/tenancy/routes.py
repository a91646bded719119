"""REST as the served document lists it: each operation asked with one house's own values, by whomever.

A parameter or body nobody thought of has no rule: the tests then fail until it has one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from tests.integration.tenancy.belongings import CAMERA, Belongings, image_wish

from guardian.vault.encoding import b64u

PREFIX = "/api/v1"
# Whoever asks is told no more than that the process lives.
OPEN = {"live_probe", "ready_probe"}
PATH: dict[str, Callable[[Belongings], Any]] = {
    "event_id": lambda things: things.events[-1],
    "edge_id": lambda things: things.house.edge,
    "camera_id": lambda things: CAMERA,
    "slot_id": lambda things: things.slots[0]["id"],
    "command_id": lambda things: things.command["id"],
    "image_id": lambda things: things.image["id"],
    "file_name": lambda things: things.image["file_name"].removesuffix(".iso"),
}
QUERY: dict[str, Callable[[Belongings], Any]] = {
    "camera": lambda things: f"{things.house.edge}/{CAMERA}",
    "label": lambda things: "person",
    "to": lambda things: "2999-01-01T00:00:00Z",
    "cursor": lambda things: things.cursor,
    "limit": lambda things: 200,
    "after": lambda things: 0,
    "last-event-id": lambda things: "0",
    "range": lambda things: "bytes=0-99",
    "if-range": lambda things: f'"{things.image["sha256"]}"',
}
# `from` is an index of the roster's, and a time elsewhere.
FROM = {"integer": 0, "string": "2020-01-01T00:00:00Z"}
BODY: dict[str, Callable[[Belongings], Any]] = {
    "Login": lambda things: {"email": things.house.email, "password": things.house.password},
    "Slot": lambda things: things.slots[0],
    "RosterAppend": lambda things: {"first": 0, "entries": roster_of(things)},
    "TicketRequest": lambda things: things.house.owner.wish(things.house.node, [*things.objects], things.events),
    "Command": lambda things: things.command,
    "ImageRequest": image_wish,
}


@dataclass(frozen=True)
class Operation:
    """One method of one route, filled in with a house's values."""

    name: str
    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query or ''}"

    @property
    def changes(self) -> bool:
        """Whether it is one that changes something."""
        return self.method not in {"GET", "HEAD"}


@dataclass(frozen=True)
class Answer:
    """Of a stream, what came until the marker was seen."""

    status: int
    data: bytes


async def served(http: httpx.AsyncClient) -> dict[str, Any]:
    """The document, as the running daemon serves it."""
    answer = await http.get("/openapi.json")
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any], things: Belongings) -> list[Operation]:
    """Every operation, with all its parameters and with the needed ones alone."""
    found: list[Operation] = []
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            for everything in (True, False):
                made = _fill(path, method, described, things, everything=everything)
                found += [made] if made not in found else []
    return found


async def ask(http: httpx.AsyncClient, operation: Operation, *, until: str) -> Answer:
    """The answer; a live stream is read until the event `until` came by."""
    asked = http.stream(
        operation.method,
        operation.path,
        params=operation.query,
        headers=operation.headers,
        json=operation.body,
    )
    async with asked as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            return Answer(answer.status_code, await answer.aread())
        data = b""
        async for piece in answer.aiter_bytes():
            data += piece
            if (not operation.query and not operation.headers) or until.encode() in data:
                break
        return Answer(answer.status_code, data)


def roster_of(things: Belongings) -> list[dict[str, str]]:
    """The household's chain as it is posted."""
    entries = things.house.owner.chain.entries
    return [{"payload": b64u(entry.payload), "signature": b64u(entry.signature)} for entry in entries]


def _fill(path: str, method: str, described: dict[str, Any], things: Belongings, *, everything: bool) -> Operation:
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    names: dict[str, Any] = {}
    for parameter in described.get("parameters", []):
        name, place = parameter["name"], parameter["in"]
        if place == "path":
            names[name] = PATH[name](things)
        elif everything or parameter.get("required"):
            target = {"query": query, "header": headers}[place]
            target[name] = _value(parameter, things)
    body = described.get("requestBody")
    return Operation(
        name=described["operationId"],
        method=method.upper(),
        path=path.removeprefix(PREFIX).format(**names),
        query=query,
        headers=headers,
        body=BODY[_schema_of(body)](things) if body else None,
    )


def _value(parameter: dict[str, Any], things: Belongings) -> Any:
    name, schema = parameter["name"], parameter["schema"]
    if name == "from":
        kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
        return FROM["integer" if "integer" in kinds else "string"]
    return QUERY[name](things)


def _schema_of(body: dict[str, Any]) -> str:
    (content,) = body["content"].values()
    return str(content["schema"]["$ref"].rpartition("/")[2])
