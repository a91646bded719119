"""The node's configuration: `node.yaml`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from guardian.common.config import Section
from guardian.common.rpc import split_address

DEFAULT_CONFIG = "/etc/guardian/node.yaml"


def _address(value: str) -> str:
    split_address(value)
    return value


def _origin(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in ("http", "https") or not rest or any(sign in rest for sign in "/?#@ "):
        raise ValueError("must be scheme://host or scheme://host:port, without a path")
    return value


Address = Annotated[str, AfterValidator(_address)]
Origin = Annotated[str, AfterValidator(_origin)]


class GatewaySection(Section):
    """Where edges reach this node."""

    listen: Address = Field(
        default="0.0.0.0:7443", title="Listen", description="Address of the port enrolled edges dial (mTLS)."
    )
    enrol_listen: Address = Field(
        default="0.0.0.0:7444",
        title="Listen for enrolment",
        description="Address of the port strangers with a token dial.",
    )
    advertise: Address = Field(
        default="127.0.0.1:7443",
        title="Advertise",
        description="host:port that enrolled edges are told to dial; port 0: the one listened on.",
    )
    enrol_advertise: Address | None = Field(
        default=None,
        title="Advertise for enrolment",
        description="host:port written into tokens; default: the host of `advertise` and the enrolment port.",
    )
    hosts: list[str] = Field(
        default_factory=list, title="Hosts", description="Further names and addresses in the server's certificate."
    )


class RelaySection(Section):
    """Where browsers reach this node."""

    listen: Address = Field(default="127.0.0.1:7480", title="Listen", description="Address of the HTTP port.")
    public_url: Origin = Field(
        default="http://127.0.0.1:7480", title="Public URL", description="How browsers reach it: scheme, host, port."
    )
    ui_origin: Origin = Field(
        default="http://127.0.0.1:8080", title="UI's origin", description="The one origin whose pages may ask."
    )
    requests_per_second: float = Field(
        default=100.0, ge=1, le=10_000, title="Requests", description="Sustained requests a second from one address."
    )


class NodeConfig(Section):
    """`node.yaml`."""

    state_dir: Path = Field(
        default=Path("/var/lib/guardian"), title="State", description="Where the node keeps what must last."
    )
    run_dir: Path = Field(default=Path("/run/guardian"), title="Run", description="Where its daemons' sockets are.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", title="Log level", description="How much is logged."
    )
    gateway: GatewaySection = Field(default_factory=GatewaySection)
    relay: RelaySection = Field(default_factory=RelaySection)

    @property
    def gateway_socket(self) -> Path:
        """Where relay, agent and operator ask the gateway."""
        return self.run_dir / "gateway" / "api.sock"
