"""What sealing a clip costs beside bare AES-256-GCM over the same fragments: `python -m tests.bench.sealing`."""

import json
import os
import statistics
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.bench._spread import spread
from tests.vectors.household import Home, MemorySink

from guardian.vault.writer import SealedWriter

# A minute of a 1080p camera at 4 Mbit/s.
FRAGMENTS = 60
FRAGMENT_SIZE = 500_000
RUNS = 15


def run(runs: int = RUNS) -> dict[str, Any]:
    """Seconds a clip, medians and p95; ratio is bare time by sealing time of each run, both in the same minute.

    `sealed` goes to memory, so that like is compared with like; `durable` goes to a file, synced part by part.
    """
    home = Home()
    fragments = [os.urandom(FRAGMENT_SIZE) for _ in range(FRAGMENTS)]
    bare, sealed, durable = [], [], []
    with TemporaryDirectory() as folder:
        for number in range(runs):
            bare.append(_timed(lambda: _bare(fragments)))
            sealed.append(_timed(lambda: _sealed(home, fragments)))
            path = Path(folder) / str(number)
            durable.append(_timed(partial(_durable, home, fragments, path)))
    ratios = [one / other for one, other in zip(bare, sealed, strict=True)]
    ratio = statistics.median(ratios)
    return {
        "name": "sealing a clip",
        "goal": "≥ 0.8 of bare AES-256-GCM",
        "value": round(ratio, 3),
        "holds": ratio >= 0.8,
        **spread(sealed, 5),
        "unit": "s for 60 s of 4 Mbit/s",
        "baseline": spread(bare, 5)["median"],
        "baseline_name": "AES-256-GCM of the same library over the same fragments",
        "detail": {
            "bytes": FRAGMENTS * FRAGMENT_SIZE,
            "runs": runs,
            "bare_s": spread(bare, 5),
            "sealed_s": spread(sealed, 5),
            "durable_s": spread(durable, 5),
            "ratio": spread(ratios, 5),
        },
    }


def _bare(fragments: list[bytes]) -> None:
    key, aad = AESGCM(bytes(32)), bytes(41)
    for number, fragment in enumerate(fragments):
        key.encrypt(number.to_bytes(12, "big"), fragment, aad)


class _Discard(MemorySink):
    def write(self, *pieces: bytes | memoryview) -> None:
        """Let go of it, as the bare run does."""


def _sealed(home: Home, fragments: list[bytes]) -> None:
    _write(SealedWriter(_Discard(), home.roster.epoch, home.edge_keys, home.metadata()), fragments)


def _durable(home: Home, fragments: list[bytes], path: Path) -> None:
    _write(SealedWriter.create(path, home.roster.epoch, home.edge_keys, home.metadata()), fragments)


def _write(writer: SealedWriter, fragments: list[bytes]) -> None:
    with writer:
        writer.init(bytes(1000))
        for number, fragment in enumerate(fragments):
            writer.media(fragment, number * 90_000, 90_000, key=True)
        writer.close()


def _timed(call: Any) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
