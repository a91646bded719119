"""Event latency on the sample of single visitors with the product's own model; nothing where either is not at hand."""

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

from tests.bench._house import house, open_folder
from tests.bench.events import edge_figure

from guardian.cli.demo.footage import SAMPLE
from guardian.edge.models.catalogue import catalogue
from guardian.edge.models.library import Library

_SETTLE = 6.0


def run() -> list[dict[str, Any]]:
    """From where a person is first seen in the film by eye (to 0.2 s) to the durable event."""
    default = catalogue().default.name
    if not SAMPLE.is_file() or Library(Path("nowhere")).verify(default).condition != "good":
        return []
    visits = json.loads(SAMPLE.with_name("visits.json").read_text())
    with open_folder() as folder:
        (folder / "made").mkdir()
        video = Path(shutil.copy(SAMPLE, folder / "made"))
        shown, durable = asyncio.run(_watch(folder, video, [item["start"] for item in visits["visits"]]))
    figure = edge_figure(shown, _events(shown, durable), durable, [])
    note = f"{len(shown)} visits of {SAMPLE.name} on {default}; first frames found by eye, to {visits['tolerance_s']} s"
    return [{**figure, "name": f"{figure['name']}, real footage", "note": note}]


async def _watch(folder: Path, video: Path, starts: list[float]) -> tuple[list[float], dict[str, float]]:
    async with house(folder, video) as home:
        while (began := home.film_began()) is None:
            await asyncio.sleep(0.05)
        shown = [began + start for start in starts]
        await asyncio.sleep(shown[-1] + _SETTLE - time.time())
        return shown, home.durable()


def _events(shown: list[float], durable: dict[str, float]) -> list[str]:
    """By visit: the first event between it and the next one."""
    ends = [*shown[1:], float("inf")]
    ordered = sorted(durable, key=durable.__getitem__)
    return [
        next((event for event in ordered if low <= durable[event] < high), "")
        for low, high in zip(shown, ends, strict=True)
    ]


if __name__ == "__main__":
    print(json.dumps(run(), indent=1, ensure_ascii=False))
