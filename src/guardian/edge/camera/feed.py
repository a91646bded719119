"""What the capture thread takes units from: a camera in the network, or one on a port of this machine."""

from collections.abc import Iterator
from typing import Protocol

from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.stream import Unit

# How long a camera may take to open, and to give its next picture.
OPEN_SECONDS = 5.0
READ_SECONDS = 5.0


class Feed(Protocol):
    """One connection that is open."""

    @property
    def codec(self) -> str:
        """Of what is recorded, by FFmpeg's name."""

    @property
    def fps(self) -> float:
        """Pictures a second as they arrive."""

    def units(self) -> Iterator[Unit]:
        """Blocks for the next, READ_SECONDS at most; CameraFault or FFmpeg's own errors when it cannot go on."""

    def ended(self, error: Exception) -> CameraFault:
        """What such an error of FFmpeg's says of the camera."""

    def close(self) -> None:
        """Let the camera go."""
