"""One clip being recorded: fragments sealed as they come, each durable before it counts."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from guardian.common.clock import from_seconds
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, sync_directory
from guardian.edge.camera.fragments import Fragment, Fragmenter
from guardian.edge.camera.index import Clip, State
from guardian.edge.camera.stream import TIMESCALE, Unit
from guardian.edge.identity import Identity
from guardian.edge.roster import Recipient
from guardian.vault.encoding import new_id
from guardian.vault.header import Metadata
from guardian.vault.writer import FileSink, SealedWriter, Sink

OpenSink = Callable[[Path], Sink]


class ClipWriter:
    """`clips/YYYY-MM-DD/ID.sealed` from its first unit to its trailer. VaultError `write_failed` ends it for good."""

    def __init__(
        self,
        folder: Path,
        camera: str,
        identity: Identity,
        recipient: Recipient,
        first: Unit,
        *,
        depth: int,
        frame: int,
        pre_capture: float,
        open_sink: OpenSink = FileSink,
    ) -> None:
        template = first.parameters.template
        self.parameters = first.parameters
        self.epoch = recipient.epoch.number
        self.start = first.time
        self.durable = first.time
        self.id = new_id()
        day = datetime.fromtimestamp(first.time, UTC).strftime("%Y-%m-%d")
        self.path = Path("clips") / day / f"{self.id}.sealed"
        self._fragmenter = Fragmenter(first.parameters, depth, frame)
        metadata = Metadata(
            household=recipient.household,
            edge=identity.edge,
            camera=camera,
            kind="clip",
            start=from_seconds(first.time),
            media="video/mp4",
            codec=template.codec_string,
            timescale=TIMESCALE,
            width=template.width,
            height=template.height,
            pre_capture_ms=round(max(0.0, pre_capture) * 1000),
        )
        _make_day(folder, day)
        sink = open_sink(folder / self.path)
        try:
            self._writer = SealedWriter(sink, recipient.epoch, identity.keys, metadata, object_id=self.id)
            self._writer.init(self._fragmenter.init)
        except GuardianError:
            self._fragmenter.abandon()
            sink.close()
            # Ours, without a picture and in no index.
            (folder / self.path).unlink(missing_ok=True)
            raise

    def push(self, unit: Unit) -> bool:
        """Add a unit; True when another fragment became durable."""
        return self._seal(self._fragmenter.push(unit))

    def finish(self) -> None:
        """Seal what is left and close the object."""
        self._seal(self._fragmenter.finish())
        self._writer.close()

    def abandon(self) -> State:
        """Leave it as it is, after a failed write; what it is then."""
        self._writer.abandon()
        self._fragmenter.abandon()
        return "truncated" if self._writer.count > 1 else "failed"

    def row(self, state: State) -> Clip:
        """Its row in the index."""
        return Clip(self.id, str(self.path), self.start, self.durable, state, self._writer.size)

    def _seal(self, fragment: Fragment | None) -> bool:
        if fragment is None:
            return False
        self._writer.media(fragment.data, fragment.start, fragment.duration, fragment.key)
        self.durable = self.start + (fragment.start + fragment.duration) / TIMESCALE
        return True


def _make_day(folder: Path, day: str) -> None:
    clips = folder / "clips"
    if not (clips / day).is_dir():
        private_folder(clips, mode=0o750)
        sync_directory(folder)
        private_folder(clips / day, mode=0o750)
        sync_directory(clips)
