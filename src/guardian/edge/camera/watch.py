"""The camera daemon: capture, recorder, sampler and the analyzer's link put together."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, TypeVar

from guardian.common import log
from guardian.common.errors import GuardianError
from guardian.common.lifecycle import Service
from guardian.edge import identity as identities
from guardian.edge.camera import ffmpeg
from guardian.edge.camera.away import AwayMotion
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.index import Clip, Index
from guardian.edge.camera.link import AnalyzerLink, Send, clip_message, motion_message
from guardian.edge.camera.recorder import Recorder
from guardian.edge.camera.report import Report
from guardian.edge.camera.sampler import Sample, Sampler
from guardian.edge.camera.source import Source
from guardian.edge.camera.stream import Unit
from guardian.edge.config import Camera, EdgeConfig, load_camera
from guardian.edge.identity import Identity, IdentityError
from guardian.edge.places import frames_socket
from guardian.edge.roster import RosterFile

T = TypeVar("T")
_log = log.get(__name__)
# Clips the analyzer is told of after hello.
_RECENT = 600.0
_IDENTITY_EVERY = 2.0


async def run(service: Service[EdgeConfig]) -> None:
    """The daemon."""
    camera = load_camera(service.settings, service.instance)
    library = ffmpeg.running()
    _log.info("starting", camera=camera.id, ffmpeg=library.version, vaapi=library.vaapi)
    service.health.set("ffmpeg", "ok", library.sentence, version=library.version, vaapi=library.vaapi)
    service.ready()
    identity = await _enrolled(service)
    if identity is None:
        return
    if not camera.enabled:
        await _disabled(service, camera)
        return
    watch = Watch(service, camera, identity)
    await watch.run()


async def _enrolled(service: Service[EdgeConfig]) -> Identity | None:
    """Wait until the edge has an identity; None when asked to stop before."""
    while not service.stopping.is_set():
        try:
            return identities.load(service.settings.state_dir)
        except IdentityError as error:
            if error.reason != "not_enrolled":
                raise
            service.health.set("vault", "waiting", str(error), reason=error.reason)
            service.status("waiting for enrolment")
            service.progressed()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.stopping.wait(), _IDENTITY_EVERY)
    return None


async def _disabled(service: Service[EdgeConfig], camera: Camera) -> None:
    fault = CameraFault("disabled")
    service.health.set("camera", "ok", str(fault), reason=fault.reason, id=camera.id, name=camera.name)
    service.status("switched off")
    while not service.stopping.is_set():
        service.progressed()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.stopping.wait(), 1.0)


class Watch:
    """One enabled camera of an enrolled edge."""

    def __init__(self, service: Service[EdgeConfig], camera: Camera, identity: Identity) -> None:
        self._service, self._camera, self._identity = service, camera, identity
        self._loop = asyncio.get_running_loop()
        state = service.settings.state_dir
        self._recorder = Recorder(
            state / "cameras" / camera.id,
            camera.id,
            camera.record,
            identity,
            RosterFile(state),
            changed=self._on_loop(self._clip_changed),
            faulted=self._on_loop(self._disk_faulted),
        )
        self._link = AnalyzerLink(
            frames_socket(service.run_dir),
            lambda: {"type": "hello", "camera": camera.id, "name": self._camera.name, "labels": []},
            greeting=self._greeting,
            record=self._record,
            event=self._happened,
        )
        self._sampler = Sampler(
            camera.detect,
            camera.motion,
            seen=self._on_loop(self._sampled),
            wanted=self._link.room,
            attentive=lambda moment: moment <= self._wanted_until,
        )
        self._source = Source(camera, unit=self._unit, gap=self._recorder.gap)
        self._away = AwayMotion(self._recorder, finished=self._tell_motions)
        self._wanted_until = self._idled = 0.0
        self._telling: set[asyncio.Task[None]] = set()
        self._report = Report(service, identity, self._source, self._recorder, self._sampler, self._link)
        service.on_reload = self._reload
        service.health.set("disk", "ok", "Recordings can be written.")
        for clip in self._recorder.recovered:
            _log.warning("clip_truncated", clip=clip.object_id, state=clip.state)

    async def run(self) -> None:
        """Until stopped; a thread that died is a failure of the daemon."""
        self._recorder.start()
        self._sampler.start()
        self._source.start()
        linking = asyncio.create_task(self._link.run(self._service.stopping))
        try:
            while not self._service.stopping.is_set():
                self._tick()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._service.stopping.wait(), 0.5)
        finally:
            self._source.stop()
            self._sampler.stop()
            self._away.close()
            linking.cancel()
            await asyncio.gather(linking, return_exceptions=True)
            await asyncio.to_thread(self._recorder.stop)

    def _on_loop(self, function: Any) -> Any:
        """The function, to be called from another thread."""

        def call(argument: Any) -> None:
            # The loop is closed when the process is about to end anyway.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, argument)

        return call

    def _unit(self, unit: Unit) -> None:
        self._recorder.offer(unit)
        self._sampler.offer(unit)

    def _sampled(self, sample: Sample) -> None:
        attended = self._link.attending and self._camera.detect.enabled
        self._away.sample(
            sample.time, moved=sample.moved, attended=attended, post_capture=self._camera.record.post_capture
        )
        if sample.picture:
            self._link.frame(sample.time, sample.width, sample.height, sample.moved, sample.picture)
        elif not sample.moved and sample.time - self._idled >= 1.0:
            self._idled = sample.time
            self._link.idle(sample.time)
        if sample.moved:
            self._report.motion.inc()

    def _record(self, until: float) -> None:
        self._wanted_until = max(self._wanted_until, until)
        self._recorder.need(until)

    def _happened(self, label: str, start: float) -> None:
        self._report.happened(label, start)

    def _clip_changed(self, clip: Clip) -> None:
        self._link.clip(clip)
        if clip.state != "open":
            self._report.clips.labels(clip.state).inc()

    def _disk_faulted(self, fault: GuardianError | None) -> None:
        if fault is None:
            self._service.health.set("disk", "ok", "Recordings can be written.")
        else:
            self._service.health.set("disk", "failed", str(fault), reason=fault.reason)

    async def _greeting(self, send: Send) -> None:
        """What an analyzer that comes back has missed: clips first, then the motion they show."""
        motions = await self._ask(Index.untold)
        since = min([time.time() - _RECENT, *(motion.start for motion in motions)])
        for clip in await self._ask(lambda index: index.recent(since)):
            await send(clip_message(clip))
        for motion in motions:
            await send(motion_message(motion))
        await self._ask(lambda index: index.told([motion.id for motion in motions]))

    async def _ask(self, work: Callable[[Index], T]) -> T:
        return await asyncio.wrap_future(self._recorder.ask(work))

    def _tell_motions(self) -> None:
        """An interval was closed: told at once when the analyzer is there, else at its next hello."""
        if not self._link.connected:
            return

        async def tell() -> None:
            motions = await self._ask(Index.untold)
            if self._link.connected:
                self._link.motions(motions)
                await self._ask(lambda index: index.told([motion.id for motion in motions]))

        task = self._loop.create_task(tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _reload(self, settings: EdgeConfig) -> None:
        camera = load_camera(settings, self._camera.id)
        if camera.enabled != self._camera.enabled:
            # systemd starts it again, and then it knows.
            self._service.stop()
        self._camera = camera
        self._recorder.apply(camera.record)
        self._sampler.apply(camera.detect, camera.motion)
        self._source.apply(camera)

    def _tick(self) -> None:
        for name, part in (("capture", self._source), ("recorder", self._recorder), ("sampler", self._sampler)):
            if not part.alive:
                raise GuardianError(f"The camera's {name} ended unexpectedly.", reason="thread_died")
        self._report.tick(self._camera)
