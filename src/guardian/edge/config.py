"""The edge's configuration: `edge.yaml`, and one `ID.yaml` a camera. Frigate's words where they mean the same."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from guardian.common import bundle, config
from guardian.common.config import Section
from guardian.common.errors import ConfigError
from guardian.common.ids import is_camera_id
from guardian.common.wireguard.names import Driver, Interface, Network
from guardian.edge import v4l2
from guardian.edge.update.window import Window

DEFAULT_CONFIG = "/etc/guardian/edge.yaml"
SCHEMES = ("rtsp", "rtsps")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
LogLevel = Literal["debug", "info", "warning", "error"]


class DetectConfig(Section):
    """Frames taken from a camera for the detector."""

    enabled: bool = Field(default=True, title="Detect", description="Send frames of this camera to the detector.")
    fps: float = Field(
        default=5.0, ge=0.2, le=30, title="Frames a second", description="How many frames a second are looked at."
    )
    width: int = Field(
        default=1280, ge=160, le=3840, title="Width", description="Frames wider than this are scaled down first."
    )
    min_initialized: int = Field(
        default=3, ge=1, le=50, title="Frames to begin", description="An object seen in so many frames is an event."
    )
    max_disappeared: int = Field(
        default=25,
        ge=1,
        le=600,
        title="Frames to end",
        description="Out of sight for so many frames, an object has left; sooner if it was at the picture's border.",
    )


class RecordConfig(Section):
    """Clips around what happens."""

    enabled: bool = Field(default=True, title="Record", description="Keep sealed clips of this camera.")
    pre_capture: float = Field(
        default=5.0, ge=0, le=60, title="Seconds before", description="Kept from before the event."
    )
    post_capture: float = Field(
        default=5.0, ge=0, le=120, title="Seconds after", description="Kept after the event's end."
    )
    max_clip: float = Field(
        default=600.0, ge=5, le=3600, title="Longest clip", description="A longer event has several clips."
    )


class MotionConfig(Section):
    """The gate before the detector: has enough of the picture changed?"""

    threshold: int = Field(
        default=25, ge=1, le=255, title="Threshold", description="Grey levels a point must change by."
    )
    area: float = Field(
        default=0.0008, gt=0, le=1, title="Area", description="Fraction of the picture that must have changed."
    )
    lightning_threshold: float = Field(
        default=0.8,
        gt=0,
        le=1,
        title="Lightning",
        description="A larger change is light, not motion: the picture is learnt anew.",
    )
    frame_alpha: float = Field(
        default=0.02, gt=0, le=1, title="Learning", description="How fast what stands still becomes background."
    )
    refresh: float = Field(
        default=2.0,
        ge=0.5,
        le=60,
        title="Refresh",
        description="Without motion a frame is still looked at this often, in seconds.",
    )


class UsbConfig(Section):
    """Pictures of a camera on this machine's own ports (`v4l2:`); encoded here unless it does H.264 itself."""

    width: int = Field(
        default=1280,
        ge=160,
        le=3840,
        title="Width",
        description="Asked of the camera; what is encoded here has no more.",
    )
    height: int = Field(
        default=720,
        ge=120,
        le=2160,
        title="Height",
        description="Asked of the camera; what is encoded here has no more.",
    )
    fps: float = Field(
        default=15.0,
        ge=1,
        le=60,
        title="Frames a second",
        description="Asked of the camera; what is encoded here has no more.",
    )
    crf: int = Field(
        default=23, ge=15, le=40, title="CRF", description="Of what is encoded here: lower is finer, and larger."
    )
    bitrate: int = Field(
        default=4000, ge=200, le=40000, title="Bitrate", description="Of what is encoded here, at most, in kbit/s."
    )


class ModelConfig(Section):
    """The detector: a model of the catalogue, or a file of one's own."""

    name: str = Field(default="", max_length=64, title="Name", description="Of the catalogue; empty: its default.")
    path: Path | None = Field(default=None, title="Path", description="A model file of one's own, instead of `name`.")
    head: str = Field(default="deimv2", title="Head", description="How the outputs of `path` are to be read.")
    folder: Path | None = Field(
        default=None, title="Folder", description="Where fetched models are kept; STATE/models if not said."
    )
    device: str = Field(default="auto", title="Device", description="auto, CPU or GPU.")
    threads: int = Field(default=0, ge=0, le=64, title="Threads", description="CPU threads; 0: as many as pay.")


class FilterConfig(Section):
    """What counts as an object of a label."""

    min_score: float = Field(default=0.4, ge=0, le=1, title="Least score", description="Of a detection that counts.")
    threshold: float = Field(
        default=0.5, ge=0, le=1, title="Threshold", description="Median score that makes an object an event."
    )
    min_area: float = Field(default=0.0, ge=0, le=1, title="Least area", description="As a fraction of the picture.")


class ObjectsConfig(Section):
    """Which objects are followed."""

    track: tuple[str, ...] = Field(default=("person",), title="Track", description="Labels that make events.")
    filters: dict[str, FilterConfig] = Field(
        default_factory=dict, title="Filters", description="By label: what counts as such an object."
    )

    def filter(self, label: str) -> FilterConfig:
        """The label's filter, or the default one."""
        return self.filters.get(label) or FilterConfig()


class SnapshotsConfig(Section):
    """The picture and the small picture of an event."""

    quality: int = Field(default=85, ge=30, le=100, title="Quality", description="Of the JPEG.")
    height: int = Field(default=320, ge=64, le=1080, title="Thumbnail height", description="In pixels.")
    retain_days: float = Field(
        default=7.0, gt=0, le=3650, title="Days kept", description="Events and snapshots older than this are deleted."
    )


class UplinkConfig(Section):
    """The line to the node; its address is learnt at enrolment."""

    telemetry_interval: float = Field(
        default=5.0, ge=0.5, le=60, title="Telemetry", description="Seconds between reports to the node."
    )


class TunnelConfig(Section):
    """The edge's end of the WireGuard tunnel; addresses and the hub's key are learnt at enrolment."""

    driver: Driver = Field(
        default="auto",
        title="Driver",
        description="kernel, userspace (wireguard-go), or auto: userspace where the kernel has no WireGuard.",
    )
    interface: Interface = Field(default="guardian0", title="Interface", description="Name of the tunnel's interface.")
    network: Network = Field(
        default="10.86.0.0/16",
        title="Network",
        description="The node's `hub.network`. What a node says of addresses outside of it is refused.",
    )
    mtu: int | None = Field(
        default=None, ge=576, le=9000, title="MTU", description="Largest packet inside; as the node said if not given."
    )
    keepalive: int = Field(
        default=25,
        ge=5,
        le=120,
        title="Keepalive",
        description="Seconds between packets that keep a router's door open.",
    )
    ping_interval: float = Field(
        default=10.0, ge=0.2, le=60, title="Ping", description="Seconds between pings to the hub through the tunnel."
    )
    silent_pings: int = Field(
        default=3,
        ge=1,
        le=100,
        title="Silent pings",
        description="Unanswered in a row, after which the hub's name is looked up again and it is dialled anew.",
    )


class UpdateConfig(Section):
    """Updates from the node: systems for a machine that was made from an image, releases for another."""

    enabled: bool = Field(default=True, title="Enabled", description="Take what the node offers.")
    channel: str = Field(
        default="stable",
        pattern=bundle.CHANNEL,
        title="Channel",
        description="Which of the node's channels this machine follows, unless the node pins it to another.",
    )
    window: Window = Field(
        default="02:00-05:00",
        title="Window",
        description="When an update is put in place, by the machine's own time; the machine, or its daemons, restart "
        "right after. At least 90 minutes.",
    )
    keys: Path = Field(
        default=Path("/usr/lib/guardian-appliance/update-keys"),
        title="Keys",
        description="Folder with the public keys, NAME.pub, of whose updates are taken; /etc/guardian/update-keys "
        "where Ansible made the host.",
    )


class EdgeConfig(Section):
    """`edge.yaml`."""

    state_dir: Path = Field(
        default=Path("/var/lib/guardian"), title="State", description="Where the edge keeps what must last."
    )
    run_dir: Path = Field(default=Path("/run/guardian"), title="Run", description="Where its daemons' sockets are.")
    log_level: LogLevel = Field(default="info", title="Log level", description="How much is logged.")
    cameras_dir: Path = Field(
        default=Path("/etc/guardian/cameras"), title="Cameras", description="Folder with one ID.yaml a camera."
    )
    detect: DetectConfig = Field(default_factory=DetectConfig)
    record: RecordConfig = Field(default_factory=RecordConfig)
    motion: MotionConfig = Field(default_factory=MotionConfig)
    usb: UsbConfig = Field(default_factory=UsbConfig)
    add_usb_cameras: bool = Field(
        default=True,
        title="Add USB cameras",
        description="On a machine installed from the image: watch a USB camera once it is plugged in.",
    )
    model: ModelConfig = Field(default_factory=ModelConfig)
    objects: ObjectsConfig = Field(default_factory=ObjectsConfig)
    snapshots: SnapshotsConfig = Field(default_factory=SnapshotsConfig)
    uplink: UplinkConfig = Field(default_factory=UplinkConfig)
    tunnel: TunnelConfig = Field(default_factory=TunnelConfig)
    update: UpdateConfig = Field(default_factory=UpdateConfig)

    @property
    def model_dir(self) -> Path:
        """Where fetched models are kept."""
        return self.model.folder or self.state_dir / "models"


class CameraFile(Section):
    """`ID.yaml`: what a person writes about one camera."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default=..., title="Name", description="What people call this camera."
    )
    enabled: bool = Field(default=True, title="Enabled", description="Whether it is watched at all.")
    path: SecretStr = Field(
        default=...,
        title="Address",
        description="rtsp://HOST/PATH, treated as a secret; or v4l2:NAME of a camera on a port of this machine.",
    )
    user: str = Field(default="", max_length=128, title="User", description="If not in the address.")
    password_credential: str = Field(
        default="", title="Password", description="Name of a file in $CREDENTIALS_DIRECTORY that holds the password."
    )
    detect: dict[str, Any] = Field(default_factory=dict, title="Detect", description="Overrides of `detect`.")
    record: dict[str, Any] = Field(default_factory=dict, title="Record", description="Overrides of `record`.")
    motion: dict[str, Any] = Field(default_factory=dict, title="Motion", description="Overrides of `motion`.")
    usb: dict[str, Any] = Field(default_factory=dict, title="USB", description="Overrides of `usb`.")

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be plain text")
        return value

    @field_validator("path")
    @classmethod
    def _allowed(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        scheme, _, name = text.partition(":")
        if scheme == v4l2.SCHEME:
            if not v4l2.is_name(name):
                raise ValueError("must name a device as `guardian camera find` does, such as v4l2:usb-0000:00:14.0-1")
            return value
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("is not an address") from None
        if parts.scheme not in SCHEMES:
            raise ValueError(f"must begin with {', '.join(item + '://' for item in SCHEMES)} or {v4l2.SCHEME}:")
        if not host or not text.isprintable() or " " in text:
            raise ValueError("must name a host and hold no spaces")
        return value

    @model_validator(mode="after")
    def _credential(self) -> "CameraFile":
        if self.password_credential and not _CREDENTIAL.fullmatch(self.password_credential):
            raise ValueError("password_credential must be a plain file name")
        if self.password_credential and not self.user:
            raise ValueError("password_credential needs a user")
        if self.user and self.path.get_secret_value().startswith(f"{v4l2.SCHEME}:"):
            raise ValueError("a camera on a port of this machine has no user")
        return self


class Camera(Section):
    """A camera ready for use: its file laid over the edge's own settings."""

    id: str
    name: str
    enabled: bool
    path: SecretStr
    user: str
    password_credential: str
    detect: DetectConfig
    record: RecordConfig
    motion: MotionConfig
    usb: UsbConfig

    @property
    def device(self) -> str:
        """Name of the device on this machine's ports; "" of a camera in the network."""
        scheme, _, name = self.path.get_secret_value().partition(":")
        return name if scheme == v4l2.SCHEME else ""


def load_camera(settings: EdgeConfig, camera_id: str) -> Camera:
    """Read and merge `CAMERAS_DIR/ID.yaml`; raises ConfigError."""
    if not is_camera_id(camera_id):
        raise ConfigError(
            "A camera's id has 1 to 32 of the characters a-z, 0-9 and _.",
            reason="config_camera_id",
            hint="The id is the name of its file without .yaml.",
        )
    return read_camera(settings, camera_id, settings.cameras_dir / f"{camera_id}.yaml")


def read_camera(settings: EdgeConfig, camera_id: str, source: Path) -> Camera:
    """The same from a file that may lie elsewhere, as one that is to be checked before it is put in place."""
    # No environment here: an override meant for the edge would reach every camera.
    file = config.parse(CameraFile, config.read_yaml(source), source=str(source))
    merged = {
        name: config.parse(
            type(getattr(settings, name)),
            {**getattr(settings, name).model_dump(), **getattr(file, name)},
            source=f"{source}, {name}",
        )
        for name in ("detect", "record", "motion", "usb")
    }
    plain = {name: getattr(file, name) for name in ("name", "enabled", "path", "user", "password_credential")}
    return Camera(id=camera_id, **plain, **merged)


def list_cameras(settings: EdgeConfig) -> list[str]:
    """Ids of the cameras that have a file."""
    return sorted(item.stem for item in settings.cameras_dir.glob("*.yaml") if is_camera_id(item.stem))
