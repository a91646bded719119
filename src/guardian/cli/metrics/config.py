"""The exporter's configuration: `metrics.yaml`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from guardian.common.config import Section
from guardian.common.rpc import split_address

DEFAULT_CONFIG = "/etc/guardian/metrics.yaml"


def _address(value: str) -> str:
    split_address(value)
    return value


class MetricsConfig(Section):
    """`metrics.yaml`."""

    state_dir: Path = Field(
        default=Path("/var/lib/guardian"),
        title="State",
        description="Where the host's certificate is, below `identity/`.",
    )
    run_dir: Path = Field(default=Path("/run/guardian"), title="Run", description="Where the daemons' sockets are.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", title="Log level", description="How much is logged."
    )
    listen: Annotated[str, AfterValidator(_address)] = Field(
        default="127.0.0.1:9101", title="Listen", description="Address of the HTTP port that Prometheus asks."
    )
    expect: list[str] = Field(
        default_factory=list,
        max_length=64,
        title="Expected daemons",
        description="Daemons that are to run here, e.g. `uplink`: one without a socket is shown as down.",
    )
    activity: bool = Field(
        default=False,
        title="Activity",
        description="Pass on what counts motion, frames, clips and events too: it tells when somebody is home.",
    )
    certificates: list[Path] = Field(
        default_factory=list,
        max_length=32,
        title="Certificates",
        description="Further certificate files (PEM) whose end is watched.",
    )
    release: Path = Field(
        default=Path("/opt/guardian/current/release.json"),
        title="Release",
        description="What the release in force says of itself.",
    )
    tasks: list[str] = Field(
        default_factory=list,
        max_length=32,
        title="Tasks",
        description="Jobs that touch `stamps/NAME` below the state folder when they end well, e.g. a backup.",
    )
