"""The detector at work: on a thread of its own, timed, and replaced while it runs."""

import asyncio
import statistics
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Gauge, Histogram

from guardian.common import log
from guardian.common.health import Health
from guardian.edge.config import EdgeConfig
from guardian.edge.detectors.base import Detection, Detector, Frame
from guardian.edge.detectors.loading import Wanted, load
from guardian.edge.models.catalogue import ModelError

_KEPT = 500
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.5, 1.0)
# Detections fainter than what the tracker takes are not even made into objects.
_FLOOR = 0.15
T = TypeVar("T")
_log = log.get(__name__)


@dataclass(frozen=True)
class Latency:
    """Of the latest inferences, in milliseconds."""

    count: int
    p50: float
    p95: float


def wanted(settings: EdgeConfig) -> Wanted:
    """What the configuration asks for."""
    model = settings.model
    return Wanted(settings.model_dir, model.name, model.path, model.head, model.device, model.threads, _FLOOR)


class Engine:
    """Holds the detector, or none. One thread detects, another loads: a load never holds frames up."""

    def __init__(self, health: Health, registry: CollectorRegistry) -> None:
        self._health = health
        self._detector: Detector | None = None
        self._detecting = ThreadPoolExecutor(1, "detect")
        self._loading = ThreadPoolExecutor(1, "load")
        self._times: deque[float] = deque(maxlen=_KEPT)
        self._count = 0
        # Why the newest load failed, while the detector before it goes on.
        self._refusal: ModelError | None = None
        self._histogram = Histogram(
            "guardian_inference_seconds", "Frame in, boxes out", registry=registry, buckets=_BUCKETS
        )
        self._loaded = Gauge("guardian_detector_loaded", "1 when a detector model runs", registry=registry)

    @property
    def detector(self) -> Detector | None:
        """The detector now; None: motion alone makes the events."""
        return self._detector

    @property
    def refusal(self) -> ModelError | None:
        """Why the newest load failed."""
        return self._refusal

    async def load(self, settings: EdgeConfig) -> None:
        """Load and swap; ModelError leaves the detector before it at work."""
        try:
            detector = await self._on(self._loading, lambda: load(wanted(settings)))
        except ModelError as error:
            self._refusal = error
            self.tell()
            raise
        self._detector, self._refusal = detector, None
        self._times.clear()
        self._loaded.set(1)
        _log.info("model_loaded", model=detector.model, device=detector.device)
        self.tell()

    async def run(self, work: Callable[[], T]) -> T:
        """Do something on the detecting thread: there `detect` may be called, and trackers have no other thread."""
        return await self._on(self._detecting, work)

    def detect(self, frame: Frame) -> list[Detection] | None:
        """Objects in a frame, timed; None without a detector. On the detecting thread only."""
        detector = self._detector
        if detector is None:
            return None
        start = time.perf_counter()
        found = detector.detect(frame)
        passed = time.perf_counter() - start
        self._times.append(passed)
        self._count += 1
        self._histogram.observe(passed)
        return found

    def latency(self) -> Latency:
        """Of the latest inferences."""
        times = sorted(self._times)
        if not times:
            return Latency(self._count, 0.0, 0.0)
        p95 = times[min(int(len(times) * 0.95), len(times) - 1)]
        return Latency(self._count, statistics.median(times) * 1000, p95 * 1000)

    def tell(self) -> None:
        """Put the detector's state into the daemon's health."""
        detector, refusal = self._detector, self._refusal
        if detector is None:
            sentence = "No detector model: events are made of motion alone."
            hint = (
                " Run: guardian model fetch" if refusal is None or refusal.reason == "model_missing" else f" {refusal}"
            )
            self._health.set(
                "detector", "degraded", sentence + hint, reason=refusal.reason if refusal else "model_missing", model=""
            )
            return
        latency = self.latency()
        detail: dict[str, Any] = {
            "model": detector.model,
            "device": detector.device,
            "inferences": latency.count,
            "inference_ms": round(latency.p50, 2),
            "p95_ms": round(latency.p95, 2),
        }
        if refusal is not None:
            sentence = f"{refusal} {detector.model} goes on."
            self._health.set("detector", "degraded", sentence, reason=refusal.reason, **detail)
        else:
            self._health.set("detector", "ok", f"{detector.model} on {detector.device}.", **detail)

    def close(self) -> None:
        """End both threads."""
        for pool in (self._detecting, self._loading):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _on(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
