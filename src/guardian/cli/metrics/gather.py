"""Every daemon's `/metrics` over its health socket, put together under labels `tier`, `daemon` and `camera`."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from guardian.cli.metrics.names import ACTIVITY, PASSED
from guardian.cli.probe import health_sockets, tier_of

MAX_BYTES = 1 << 20
_MAX_SAMPLES = 2_000
_MAX_LABELS, _MAX_VALUE = 6, 128
_SECONDS = 2.0


@dataclass(frozen=True)
class Daemon:
    """What one daemon answered; `families` is None when it did not."""

    name: str
    families: list[Metric] | None

    @property
    def labels(self) -> dict[str, str]:
        """Under which its metrics are shown: `camera@front` is daemon `camera`, camera `front`."""
        kind, at, instance = self.name.partition("@")
        return {"tier": tier_of(kind), "daemon": kind} | ({"camera": instance} if at else {})


async def ask_daemons(run_dir: Path, expect: Iterable[str]) -> list[Daemon]:
    """All that have a socket, and those that are expected and have none."""
    sockets = {path.parent.name: path for path in health_sockets(run_dir)}
    answers = await asyncio.gather(*(_ask(name, path) for name, path in sockets.items()))
    missing = [Daemon(name, None) for name in sorted(set(expect) - sockets.keys())]
    return [*answers, *missing]


async def _ask(name: str, socket: Path) -> Daemon:
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    body = bytearray()
    try:
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=_SECONDS) as client,
            client.stream("GET", "/metrics") as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MAX_BYTES:
                    return Daemon(name, None)
        return Daemon(name, list(text_string_to_metric_families(body.decode())))
    except (httpx.HTTPError, TimeoutError, ValueError):
        # ValueError: it is no exposition format. What answers so is not a daemon of ours in good health.
        return Daemon(name, None)


def merge(daemons: list[Daemon], *, activity: bool) -> list[Metric]:
    """One family a name, for the format wants a family's samples together."""
    up = Metric("guardian_up", "1 when the daemon answers on its health socket", "gauge")
    merged: dict[str, Metric] = {}
    names = PASSED | ACTIVITY if activity else PASSED
    for daemon in daemons:
        up.add_sample("guardian_up", daemon.labels, float(daemon.families is not None))
        room = _MAX_SAMPLES
        for family in daemon.families or ():
            if family.name not in names:
                continue
            into = merged.setdefault(family.name, Metric(family.name, family.documentation[:200], family.type))
            if into.type != family.type:
                continue
            for name, labels, value in _samples(family, daemon.labels):
                if room <= 0:
                    break
                room -= 1
                into.add_sample(name, labels, value)
    return [up, *merged.values()]


def _samples(family: Metric, own: dict[str, str]) -> Iterator[tuple[str, dict[str, str], float]]:
    for sample in family.samples:
        if sample.name.endswith("_created") or len(sample.labels) > _MAX_LABELS:
            continue
        if any(len(value) > _MAX_VALUE for value in sample.labels.values()):
            continue
        # A daemon's own labels never pass for another daemon's.
        yield sample.name, sample.labels | own, sample.value
