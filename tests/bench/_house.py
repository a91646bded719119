"""The demo with its owner at the browser, as the benchmarks of the whole line find it: set up, watching events."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from tests.demo_check import running
from tests.demo_check.owner import Owner

_UP_SECONDS = 180.0
# When each card was attached to the page, when each object's first sealed byte came, and what was asked since the last
# click, in wall-clock milliseconds.
_WATCH = """() => {
  window.__cards = {}; window.__bytes = {}; window.__clicked = 0; window.__asked = [];
  const note = () => { for (const card of document.querySelectorAll('[data-testid="event-card"]'))
    window.__cards[card.dataset.eventId] ??= Date.now(); };
  new MutationObserver(note).observe(document.body, {childList: true, subtree: true});
  addEventListener('click', () => {
    window.__clicked = Date.now(); window.__asked = []; performance.clearResourceTimings(); }, true);
  const plain = window.fetch;
  window.fetch = async (...args) => {
    const url = String(args[0]?.url ?? args[0]);
    const asked = {path: new URL(url, location.href).pathname, began: Date.now(), ended: 0};
    window.__asked.push(asked);
    const answer = await plain(...args);
    asked.ended = Date.now();
    const object = /\\/v1\\/objects\\/([0-9a-f]{32})/.exec(url)?.[1];
    if (object && !(object in window.__bytes) && answer.ok)
      void answer.clone().body.getReader().read().then(() => { window.__bytes[object] ??= Date.now(); });
    return answer;
  };
}"""


@dataclass
class House:
    """A running demo and its owner's page, which shows the timeline."""

    demo: running.Demo
    owner: Owner

    @property
    def state(self) -> Path:
        """The demo's folder."""
        return self.demo.folder

    def film_began(self) -> float | None:
        """Wall-clock seconds at which the film's first picture left the simulated camera."""
        for line in _lines(self.state / "logs" / "rtsp-camera.log"):
            if line.startswith("playing "):
                return float(line.split()[1])
        return None

    def durable(self) -> dict[str, float]:
        """By event: when the edge had stored it, as the analyzer's log says."""
        found: dict[str, float] = {}
        for line in _lines(self.state / "logs" / "analyzer.log"):
            if '"event_started"' in line:
                entry = json.loads(line)
                found.setdefault(entry["id"], datetime.fromisoformat(entry["timestamp"]).timestamp())
        return found

    async def carded(self) -> dict[str, float]:
        """By event: when its card stood on the page."""
        seen: dict[str, float] = await self.owner.page.evaluate("window.__cards")
        return {event: moment / 1000 for event, moment in seen.items()}

    def dsn(self) -> str:
        """The control plane's database, for libpq."""
        settings = yaml.safe_load((self.state / "control.yaml").read_text())
        return str(settings["database"]["dsn"]).replace("postgresql+psycopg://", "postgresql://")

    def sealed(self, object_id: str) -> Path:
        """A clip's file on the edge."""
        return next((self.state / "edge" / "cameras").rglob(f"{object_id}.sealed"))


@contextmanager
def open_folder() -> Any:
    """A short path that the demo's ordinary user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="gdn-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def house(folder: Path, video: Path) -> AsyncIterator[House]:
    """Start the demo on a video played once; the camera is plugged in when the edge is confirmed."""
    for path in video.parent.iterdir():
        path.chmod(0o755 if path.is_dir() else 0o644)
    arguments = ["--once", "--camera-after-vault", "--video", str(video)]
    demo, arriving = await running.start(folder / "demo", arguments, folder / "demo.log", tapped=False)
    try:
        demo.facts = await asyncio.wait_for(arriving, _UP_SECONDS)
        async with Owner(demo.ui, folder / "shots") as owner:
            await owner.log_in(demo.facts["email"], demo.facts["password"])
            await owner.page.evaluate(_WATCH)
            await owner.store_recovery_code(await owner.create_vault())
            await owner.edge_words()
            await owner.confirm_edge()
            await owner.go("/events")
            yield House(demo, owner)
    finally:
        await running.stop(demo)


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines() if path.exists() else []
