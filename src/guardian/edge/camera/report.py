"""What the camera daemon says of itself: health, status line, metrics, watchdog."""

import time
from typing import Any

from prometheus_client import Counter, Gauge

from guardian.common import log
from guardian.common.clock import from_seconds, to_text
from guardian.common.errors import GuardianError
from guardian.common.health import State
from guardian.common.lifecycle import Service
from guardian.edge.camera.link import AnalyzerLink
from guardian.edge.camera.recorder import Recorder
from guardian.edge.camera.sampler import Sampler
from guardian.edge.camera.source import Source
from guardian.edge.config import Camera, EdgeConfig
from guardian.edge.identity import Identity
from guardian.edge.roster import RosterFile

_log = log.get(__name__)
# A recorder that makes nothing durable for so long while pictures come is stuck.
_STUCK = 30.0
# A recorder that keeps up is never this late: a clip's parts are about a second long.
_LATE = 5.0
# Faults of a camera that was there a moment ago and is likely to come back.
_PASSING = {"frozen", "gone", "no_answer", "no_pictures"}
# Nothing is wrong with it: it is not there.
_AWAITED = {"unplugged"}


class Report:
    """`tick` looks at the parts and says how they are."""

    def __init__(
        self,
        service: Service[EdgeConfig],
        identity: Identity,
        source: Source,
        recorder: Recorder,
        sampler: Sampler,
        link: AnalyzerLink,
    ) -> None:
        self._service, self._identity = service, identity
        self._source, self._recorder, self._sampler, self._link = source, recorder, sampler, link
        self._roster = RosterFile(service.settings.state_dir)
        self._units = 0
        self._event = ""
        registry = service.health.registry
        self.motion = Counter("guardian_camera_motion_samples", "Samples with motion.", registry=registry)
        self.clips = Counter("guardian_camera_clips", "Clips ended, by state.", ["state"], registry=registry)
        gauges: dict[str, tuple[str, Any]] = {
            "guardian_camera_fps": ("Pictures a second as they arrive.", lambda: source.status.fps),
            "guardian_camera_bytes_received": ("Coded bytes received.", lambda: source.status.bytes),
            "guardian_camera_connects": ("Times the camera was connected.", lambda: source.status.connects),
            "guardian_camera_streaming": (
                "1 while pictures arrive.",
                lambda: source.status.connected and source.status.fault is None,
            ),
            "guardian_camera_recording": ("1 while a clip is open.", lambda: recorder.recording),
            "guardian_camera_lag_seconds": (
                "How late the last durable second of an open clip is; 0 while it keeps up.",
                self._lag,
            ),
            "guardian_camera_frames_sent": ("Frames sent to the analyzer.", lambda: link.frames),
            "guardian_camera_decode_dropped": ("Times decoding was late.", lambda: sampler.dropped),
        }
        for name, (text, value) in gauges.items():
            Gauge(name, text, registry=registry).set_function(value)

    def happened(self, label: str, start: float) -> None:
        """An event began here."""
        named = label if label.isprintable() else "event"
        self._event = f", last event {named} {time.strftime('%H:%M', time.localtime(start))}"

    def tick(self, camera: Camera) -> None:
        """Twice a second."""
        self._say_camera(camera)
        self._say_vault()
        self._say_analyzer(camera)
        self._pet()

    def _lag(self) -> float:
        # 0 below what is normal: else the figure would tell whoever may see it when somebody is in the picture.
        late = time.time() - self._recorder.durable if self._recorder.recording and self._recorder.durable else 0.0
        return late if late >= _LATE else 0.0

    def _say_camera(self, camera: Camera) -> None:
        status, health = self._source.status, self._service.health
        recording = self._recorder.recording
        detail: dict[str, Any] = {
            "id": camera.id,
            "name": camera.name,
            "fps": round(status.fps, 1),
            "width": status.width,
            "height": status.height,
            "codec": status.codec,
            "last_frame": to_text(from_seconds(status.last)) if status.last else "",
            "recording": recording,
            "durable": to_text(from_seconds(self._recorder.durable)) if self._recorder.durable else "",
        }
        fault = status.fault
        if fault is not None:
            passing = fault.reason in _PASSING and status.last > 0
            state: State = "waiting" if fault.reason in _AWAITED else "degraded" if passing else "failed"
            health.set("camera", state, str(fault), reason=fault.reason, **detail)
            self._service.status(fault.sentence)
        elif not status.connected:
            health.set("camera", "waiting", "Connecting to the camera.", reason="connecting", **detail)
            self._service.status("connecting")
        else:
            health.set("camera", "ok", "The camera sends pictures.", **detail)
            self._service.status(self._line(status.fps, recording))

    def _line(self, fps: float, recording: bool) -> str:
        if not recording:
            return f"{fps:.1f} fps, not recording{self._event}"
        age = max(0.0, time.time() - self._recorder.durable)
        return f"{fps:.1f} fps, recording, last second durable {age:.1f} s ago{self._event}"

    def _say_vault(self) -> None:
        try:
            self._roster.recipient(self._identity)
        except GuardianError as error:
            lasting = error.reason in {"edge_revoked", "edge_replaced"}
            self._note_vault("failed" if lasting else "waiting", str(error), error.reason)
            return
        fault = self._roster.fault
        if fault is not None:
            self._note_vault("degraded", str(fault), fault.reason)
        else:
            self._note_vault("ok", "Recordings are sealed to the owner's vault.", "")

    def _note_vault(self, state: State, sentence: str, reason: str) -> None:
        if self._service.health.set("vault", state, sentence, reason=reason):
            _log.info("vault_state", state=state, reason=reason, sentence=sentence)

    def _say_analyzer(self, camera: Camera) -> None:
        health = self._service.health
        if not camera.detect.enabled:
            health.set("analyzer", "ok", "Detection is off for this camera: motion is recorded.", reason="detect_off")
        elif self._link.attending:
            health.set("analyzer", "ok", "The analyzer looks at the pictures.")
        else:
            sentence = "The analyzer is away: motion is recorded and told when it is back."
            health.set("analyzer", "waiting", sentence, reason="analyzer_away")

    def _pet(self) -> None:
        """Progress, or waiting for a camera that is tried again by a deadline."""
        status = self._source.status
        moving = status.units != self._units
        self._units = status.units
        stuck = self._recorder.recording and time.time() - self._recorder.durable > _STUCK
        if (moving and not stuck) or (not moving and time.monotonic() < status.deadline):
            self._service.progressed()
