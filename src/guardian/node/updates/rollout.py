"""Who is offered what: a bundle's channels and percentages against one edge. Decided from the catalogue alone."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from guardian.common import bundle
from guardian.common.config import Section

MAX_BUNDLES = 64
MAX_PINS = 8192
_CONTEXT = b"guardian/rollout/v1\0"


def _version(value: str) -> str:
    try:
        bundle.order(value)
    except bundle.BundleError:
        raise ValueError("must be a version such as 1.2.0") from None
    return value


Version = Annotated[str, AfterValidator(_version)]
Channel = Annotated[str, Field(pattern=bundle.CHANNEL)]
Percent = Annotated[int, Field(ge=0, le=100)]
EdgeId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Bundle(Section):
    """One bundle of the node's; `size` and `sha256` (hex) are those of the whole file."""

    version: Version
    kind: str
    created: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    # How many of a hundred edges of each channel are offered it.
    channels: dict[Channel, Percent]
    paused: bool = False


class Catalogue(Section):
    """All of them, a version once of each kind, and the edges whose channel is said here."""

    format: int = Field(default=1, ge=1, le=1)
    bundles: tuple[Bundle, ...] = Field(default=(), max_length=MAX_BUNDLES)
    pins: dict[EdgeId, Channel] = Field(default_factory=dict, max_length=MAX_PINS)

    @model_validator(mode="after")
    def _once(self) -> "Catalogue":
        if len({(item.version, item.kind) for item in self.bundles}) != len(self.bundles):
            raise ValueError("a version is there twice")
        return self

    def find(self, version: str, kind: str | None = None) -> list[Bundle]:
        """The bundles of a version, one of each kind; or that of one kind."""
        return [item for item in self.bundles if item.version == version and kind in (None, item.kind)]

    def newer(self, running: str, kind: str) -> list[Bundle]:
        """Bundles an edge that runs `running` could take, the newest first; BundleError when that is no version."""
        there = bundle.order(running)
        found = [item for item in self.bundles if item.kind == kind and bundle.order(item.version) > there]
        return sorted(found, key=lambda item: bundle.order(item.version), reverse=True)

    def offer(self, edge: str, running: str, channel: str, kind: str) -> Bundle | None:
        """The newest that this edge is to have now. `channel` is what the edge says of itself: a pin goes before it."""
        return next((item for item in self.newer(running, kind) if self.includes(item, edge, channel)), None)

    def includes(self, item: Bundle, edge: str, channel: str) -> bool:
        """Whether a bundle is rolled out to this edge."""
        percent = item.channels.get(self.pins.get(edge, channel), 0)
        return not item.paused and share(edge, item.version) < percent


def share(edge: str, version: str) -> int:
    """0 to 99, evenly spread, always the same: who is in at 10 percent is in at 50. Each version begins with others."""
    digest = hashlib.sha256(_CONTEXT + f"{edge}\0{version}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100
