"""The analyzer's work: frames to the detector and the trackers, visits to the store, requests to the cameras."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from prometheus_client import Counter, Histogram

from guardian.common import log
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder
from guardian.common.lifecycle import Service
from guardian.edge.analyzer.engine import Engine
from guardian.edge.analyzer.intake import Intake, Link
from guardian.edge.analyzer.protocol import ClipNote, FrameHead, Idle, Message, MotionNote, picture
from guardian.edge.analyzer.vault_gate import VaultGate
from guardian.edge.analyzer.watch import MOTION, CameraWatch, Seen
from guardian.edge.analyzer.writing import Writer, acknowledged
from guardian.edge.config import EdgeConfig
from guardian.edge.events.book import EventBook
from guardian.edge.events.pictures import PictureFolder, Sealing
from guardian.edge.events.store import EventStore, StoredClip
from guardian.edge.events.visit import Visit, VisitState
from guardian.edge.models.catalogue import ModelError
from guardian.edge.places import frames_socket, ring_socket

_TICK = 1.0
_TOUCH_SECONDS = 2.0
_SWEEP_SECONDS = 600.0
_RETRY_SECONDS = 5.0
# A connected camera that says nothing for so long shows nothing: what was seen there is over.
_SILENT_SECONDS = 20.0
_LATENCIES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 5.0, 10.0)
_log = log.get(__name__)


class Analyzer:
    """One daemon's parts and the loops between them."""

    def __init__(self, service: Service[EdgeConfig]) -> None:
        settings = service.settings
        self._service, self._health, self._settings = service, service.health, settings
        self.engine = Engine(service.health, service.health.registry)
        self._gate = VaultGate(settings.state_dir, service.health)
        self._writer = Writer(service.health)
        self._intake = Intake(frames_socket(settings.run_dir), on_hello=self._on_hello, on_note=self._on_note)
        self._watches: dict[str, CameraWatch] = {}
        self._silent_since: dict[str, float] = {}
        state = private_folder(settings.state_dir / "analyzer", mode=0o750)
        self._store = EventStore(state / "events.db")
        self._pictures = PictureFolder(
            private_folder(state / "objects", mode=0o750),
            quality=settings.snapshots.quality,
            thumbnail_height=settings.snapshots.height,
        )
        self._book = EventBook(
            self._store,
            self._pictures,
            ring=ring_socket(settings.run_dir),
            pre_capture=settings.record.pre_capture,
            post_capture=settings.record.post_capture,
        )
        self._loop = asyncio.get_running_loop()
        self._cleaned_up = False
        registry = service.health.registry
        self._frames = Counter("guardian_frames_total", "Frames looked at", ["camera"], registry=registry)
        self._events = Counter("guardian_events_total", "Events begun", ["camera", "label"], registry=registry)
        self._latency = Histogram(
            "guardian_event_latency_seconds",
            "From the first frame that shows the object to its event durable",
            registry=registry,
            buckets=_LATENCIES,
        )

    async def run(self) -> None:
        """Until the service stops."""
        service = self._service
        service.on_reload = self._reload
        self._tick_vault()
        await self._try_load()
        self._tell_cameras()
        await self._intake.start()
        service.ready()
        tasks = [
            asyncio.create_task(self._work(), name="work"),
            asyncio.create_task(self._writer.run(service.stopping), name="writer"),
            asyncio.create_task(self._tick(), name="tick"),
        ]
        stopping = asyncio.create_task(service.stopping.wait())
        done, _ = await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        service.stopping.set()
        await self._stop(tasks)
        for task in done - {stopping}:
            task.result()

    async def _stop(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        await self._intake.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for watch in self._watches.values():
            self._store_states(await self.engine.run(watch.end_all))
        await self._writer.drain(self._service.stopping)
        self.engine.close()
        self._store.close()

    async def _work(self) -> None:
        while True:
            link, message, payload = await self._intake.next()
            watch = self._watches[link.camera]
            if isinstance(message, FrameHead):
                seen = await self.engine.run(partial(self._look, watch, message, payload))
                self._frames.labels(link.camera).inc()
                link.grant(1)
            elif isinstance(message, Idle):
                seen = await self.engine.run(partial(watch.idle, message.time))
            else:
                continue
            self._store_states(seen.states)
            if seen.record_until and self._gate.sealing is not None:
                link.record(seen.record_until)
            self._service.progressed()

    def _look(self, watch: CameraWatch, head: FrameHead, payload: bytes) -> Seen:
        frame = picture(head, payload)
        return watch.see(frame, head.time, motion=head.motion, detections=self.engine.detect(frame))

    def _store_states(self, states: Iterable[VisitState]) -> None:
        sealing = self._gate.sealing
        if sealing is None:
            return
        for state in states:
            self._writer.put(partial(self._note, state, sealing))

    def _note(self, state: VisitState, sealing: Sealing) -> None:
        new = self._store.event(state.id) is None
        self._book.note(state, sealing)
        if new:
            # Said when it is durable: a refusing disk has it noted again and again.
            self._events.labels(state.camera, state.label).inc()
            self._latency.observe(max(0.0, time.time() - state.start))
            _log.info("event_started", camera=state.camera, label=state.label, id=state.id)
            # From the writer's thread; a loop that is closed has nobody to tell.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._tell_event, state.camera, state.label, state.start)
        if state.end is not None:
            _log.info("event_ended", camera=state.camera, label=state.label, id=state.id)

    def _tell_event(self, camera: str, label: str, start: float) -> None:
        if link := self._intake.links.get(camera):
            link.send({"type": "event", "label": label, "start": start})

    async def _on_hello(self, link: Link) -> None:
        watch = self._watches.get(link.camera)
        if watch is None or not watch.looks_for(link.labels):
            if watch is not None:
                self._store_states(await self.engine.run(watch.end_all))
            self._watches[link.camera] = CameraWatch(link.camera, self._settings, link.labels)
        self._silent_since.pop(link.camera, None)
        _log.info("camera_connected", camera=link.camera)
        self._tell_cameras()

    async def _on_note(self, link: Link, message: Message) -> None:
        sealing = self._gate.sealing or self._tick_vault()
        if sealing is None:
            return
        if isinstance(message, ClipNote):
            reach = message.start if message.end is None else message.end
            clip = StoredClip(message.id, link.camera, message.start, reach, message.closed, message.truncated)
            self._writer.put(partial(self._book.note_clip, clip, sealing))
        elif isinstance(message, MotionNote):
            visit = Visit(link.camera, MOTION, message.start, message.end)
            visit.finish(message.end)
            self._writer.put(partial(self._book.note_past_motion, visit.state(), sealing))

    async def _tick(self) -> None:
        swept, touched, retried = 0.0, 0.0, time.monotonic()
        while True:
            now = time.monotonic()
            self._tick_vault()
            await self._end_silent(now)
            if now - touched >= _TOUCH_SECONDS:
                touched = now
                self._touch()
            if now - swept >= _SWEEP_SECONDS:
                swept = now
                self._sweep()
            if self.engine.detector is None and now - retried >= _RETRY_SECONDS:
                retried = now
                await self._try_load()
            self._tell()
            if self._intake.idle:
                # It waits for the cameras; with frames waiting only looking at one counts as progress.
                self._service.progressed()
            await asyncio.sleep(_TICK)

    def _tick_vault(self) -> Sealing | None:
        before = self._health.get("vault")
        sealing = self._gate.check()
        after = self._health.get("vault")
        if after is not None and (before is None or before.reason != after.reason):
            _log.info("vault_state", state=after.state, reason=after.reason, sentence=after.sentence)
        if sealing is not None and not self._cleaned_up:
            self._cleaned_up = True
            self._writer.put(partial(self._book.close_left_open, sealing))
        return sealing

    async def _end_silent(self, now: float) -> None:
        """Visits of cameras that went away, or say nothing, end."""
        for camera, watch in self._watches.items():
            link = self._intake.links.get(camera)
            if link is not None and now - link.heard < _SILENT_SECONDS:
                self._silent_since.pop(camera, None)
                continue
            since = self._silent_since.setdefault(camera, now)
            if now - since >= self._settings.detect.max_disappeared / self._settings.detect.fps and watch.live:
                self._store_states(await self.engine.run(watch.end_all))

    def _touch(self) -> None:
        if self._gate.sealing is None:
            return
        for watch in self._watches.values():
            for visit in watch.live:
                self._writer.put(partial(self._book.touch, visit.id, visit.last_seen))

    def _sweep(self) -> None:
        before = time.time() - self._settings.snapshots.retain_days * 86400
        self._writer.put(lambda: self._book.sweep(before, acknowledged(self._settings.state_dir)))

    async def _try_load(self) -> None:
        """At start and while there is none: a model that is missing or bad is told, and motion makes the events."""
        before = self.engine.refusal
        try:
            await self.engine.load(self._settings)
        except ModelError as error:
            if before is None or before.reason != error.reason:
                _log.error("model_refused", reason=error.reason, sentence=str(error))

    async def _reload(self, settings: EdgeConfig) -> None:
        """SIGHUP: all of it changes; a refused model leaves all as it was."""
        try:
            await self.engine.load(settings)
        except ModelError as error:
            _log.error("model_refused", reason=error.reason, sentence=str(error))
            if self.engine.detector is not None:
                raise
        before = self._settings
        if any(getattr(settings, name) != getattr(before, name) for name in ("objects", "detect", "record")):
            for camera, watch in list(self._watches.items()):
                self._store_states(await self.engine.run(watch.end_all))
                self._watches[camera] = CameraWatch(camera, settings, watch.labels_asked)
        self._settings = settings
        # Where the writer's thread, which uses them, is between two notes.
        self._writer.put(partial(self._apply_writing, settings))

    def _apply_writing(self, settings: EdgeConfig) -> None:
        self._book.reach(settings.record.pre_capture, settings.record.post_capture)
        self._pictures.like(quality=settings.snapshots.quality, thumbnail_height=settings.snapshots.height)

    def _tell(self) -> None:
        self.engine.tell()
        self._tell_cameras()
        live = sum(len(watch.live) for watch in self._watches.values())
        detector = self.engine.detector
        doing = f"{detector.model} on {detector.device}" if detector else "motion only"
        cameras = len(self._intake.links)
        self._service.status(f"{doing}, {_counted(cameras, 'camera')}, {_counted(live, 'event')} live")

    def _tell_cameras(self) -> None:
        names = sorted(self._intake.links)
        if names:
            self._health.set("cameras", "ok", f"Frames come from {', '.join(names)}.", cameras=names)
        else:
            self._health.set("cameras", "waiting", "No camera has connected.", reason="no_camera", cameras=[])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


async def run(service: Service[EdgeConfig]) -> None:
    """Entry of the daemon; see `guardian.edge.analyzer.main`."""
    from guardian.edge.analyzer.app import make_app

    try:
        analyzer = Analyzer(service)
    except OSError as error:
        raise GuardianError(
            f"The analyzer's folder in {service.settings.state_dir} cannot be used: {error.strerror}.",
            reason="state_unusable",
        ) from error
    service.app = make_app(service.health, analyzer.engine)
    await analyzer.run()
