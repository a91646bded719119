"""Ask daemons how they are, over the health sockets of a run directory."""

import asyncio
import re
from pathlib import Path
from typing import Annotated, Literal

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from guardian.common.health import State

# Other sockets lie beside these and speak other protocols.
_HEALTH = re.compile(r"(camera@[a-z0-9_]{1,32}|analyzer|uplink|gateway|relay|agent|api|agents)\.sock")
_TIER = {"analyzer": "edge", "uplink": "edge", "gateway": "node", "relay": "node", "agent": "node"}
_TIER |= {"api": "control", "agents": "control"}
_SECONDS = 2.0
FORBIDDEN = "You may not ask it: run this as root or as a member of its group."
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


def health_sockets(run_dir: Path) -> list[Path]:
    """The health sockets of a run directory, by name."""
    try:
        return sorted(path for path in run_dir.iterdir() if _HEALTH.fullmatch(path.name))
    except OSError:
        return []


def ask_all(sockets: list[Path]) -> list[Report]:
    """Every daemon's report, asked at once."""

    async def gather() -> list[Report]:
        return list(await asyncio.gather(*(ask(path) for path in sockets)))

    return asyncio.run(gather())


async def ask(socket: Path) -> Report:
    """One daemon's report; one that does not answer is `silent`, with the cause as its status."""
    name = socket.stem
    tier = _TIER.get(name.partition("@")[0], "edge")
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=_SECONDS) as client:
            answer = await client.get("/health")
        return Report.model_validate(answer.json()).model_copy(update={"tier": tier})
    except httpx.TimeoutException:
        return _silent(name, tier, f"It did not answer within {_SECONDS:.0f} s: it hangs or the machine is overloaded.")
    except httpx.HTTPError as error:
        if isinstance(error.__cause__, PermissionError) or "Permission denied" in str(error):
            return _silent(name, tier, FORBIDDEN)
        return _silent(name, tier, "It does not run any more, though its socket is still there: it was killed.")
    except (ValueError, ValidationError):
        return _silent(name, tier, "It answered something that is no health report.")


def _silent(name: str, tier: str, sentence: str) -> Report:
    return Report(service=name, tier=tier, state="silent", status=sentence)
