"""Ask daemons how they are, over the health sockets of a run directory."""

import asyncio
import os
import re
from pathlib import Path
from typing import Annotated, Literal

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from guardian.common.health import State
from guardian.common.sockets import health_socket

# Other folders may lie beside these.
_DAEMON = re.compile(r"(camera@[a-z0-9_]{1,32}|analyzer|uplink|tunnel|hub|gateway|relay|agent|api|agents|metrics)")
_TIER = {"analyzer": "edge", "uplink": "edge", "gateway": "node", "relay": "node", "agent": "node"}
_TIER |= {"tunnel": "edge", "hub": "node"} | {"api": "control", "agents": "control", "metrics": "host"}
_SECONDS = 2.0
# Of a report, in bytes: what asks may be root, and whom it asks may be anybody who got into a daemon.
_MOST = 1 << 20
FORBIDDEN = "You may not ask it: run this as root or as a member of its group."
_NONSENSE = "It answered something that is no health report."
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text)


# Sentences may be a stranger's: a node's words reach an edge's terminal.
Words = Annotated[str, AfterValidator(_printable)]


class Dependency(BaseModel):
    """One thing a daemon needs."""

    model_config = ConfigDict(extra="ignore")

    state: State
    reason: Words = ""
    sentence: Words = ""
    since: str = ""
    detail: dict[str, object] = {}


class Report(BaseModel):
    """What a daemon says of itself, or why it does not."""

    model_config = ConfigDict(extra="ignore")

    service: Words
    tier: str = ""
    state: State | Literal["silent"]
    ready: bool = False
    status: Words = ""
    version: Words = ""
    pid: int = 0
    since: str = ""
    dependencies: dict[str, Dependency] = {}


def tier_of(kind: str) -> str:
    """Where a daemon belongs; `metrics` is every host's own."""
    return _TIER.get(kind, "edge")


def health_sockets(run_dir: Path) -> list[Path]:
    """The health sockets of a run directory, by daemon; with those one may not see because of their folder."""
    try:
        names = sorted(folder.name for folder in run_dir.iterdir() if _DAEMON.fullmatch(folder.name))
    except OSError:
        return []
    return [health_socket(run_dir, name) for name in names if _may_be(health_socket(run_dir, name))]


def is_closed(run_dir: Path) -> bool:
    """Whether there is a run directory that one may not look into."""
    return run_dir.is_dir() and not os.access(run_dir, os.R_OK | os.X_OK)


def _may_be(socket: Path) -> bool:
    try:
        return socket.is_socket()
    except PermissionError:
        return True


def ask_all(sockets: list[Path]) -> list[Report]:
    """Every daemon's report, asked at once."""

    async def gather() -> list[Report]:
        return list(await asyncio.gather(*(ask(path) for path in sockets)))

    return asyncio.run(gather())


async def ask(socket: Path) -> Report:
    """One daemon's report; one that does not answer is `silent`, with the cause as its status."""
    name = socket.parent.name
    tier = tier_of(name.partition("@")[0])
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    try:
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=_SECONDS) as client,
            client.stream("GET", "/health") as answer,
        ):
            said = bytearray()
            async for part in answer.aiter_bytes():
                said += part
                if len(said) > _MOST:
                    return _silent(name, tier, _NONSENSE)
        return Report.model_validate_json(said).model_copy(update={"tier": tier})
    except (httpx.TimeoutException, TimeoutError):
        return _silent(name, tier, f"It did not answer within {_SECONDS:.0f} s: it hangs or the machine is overloaded.")
    except httpx.HTTPError as error:
        if isinstance(error.__cause__, PermissionError) or "Permission denied" in str(error):
            return _silent(name, tier, FORBIDDEN)
        return _silent(name, tier, "It does not run any more, though its socket is still there: it was killed.")
    except (ValueError, ValidationError):
        return _silent(name, tier, _NONSENSE)


def _silent(name: str, tier: str, sentence: str) -> Report:
    return Report(service=name, tier=tier, state="silent", status=sentence)
