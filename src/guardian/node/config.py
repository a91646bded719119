"""The node's configuration: `node.yaml`."""

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from guardian.common.config import Section
from guardian.common.rpc import split_address
from guardian.common.wireguard.names import Driver, Interface, Network

DEFAULT_CONFIG = "/etc/guardian/node.yaml"
# Who asks the gateway on its own machine.
Caller = Literal["operator", "relay", "agent", "hub"]


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
    renew_listen: Address | None = Field(
        default=None,
        title="Listen for renewal",
        description="Where edges renew a certificate that has ended; with a hub its address and 7445.",
    )


class HubSection(Section):
    """The node's end of its edges' WireGuard tunnels. With it, gateway and renewal are at the hub's address alone."""

    enabled: bool = Field(
        default=False, title="Enabled", description="Whether edges reach the gateway through a tunnel and only so."
    )
    network: Network = Field(
        default="10.86.0.0/16", title="Network", description="IPv4 addresses of hub (the first) and edges (the others)."
    )
    endpoint: Address | None = Field(
        default=None, title="Endpoint", description="host:port (UDP) at which edges reach the hub from outside."
    )
    listen_port: int = Field(default=51820, ge=1, le=65535, title="Port", description="UDP port listened on.")
    driver: Driver = Field(
        default="auto",
        title="Driver",
        description="kernel, userspace (wireguard-go), or auto: userspace where the kernel has no WireGuard.",
    )
    interface: Interface = Field(default="guardian0", title="Interface", description="Name of the tunnel's interface.")
    mtu: int = Field(
        default=1420, ge=576, le=9000, title="MTU", description="Largest packet inside; edges are told it at enrolment."
    )
    ping_interval: float = Field(
        default=10.0, ge=0.2, le=60, title="Ping", description="Seconds between pings to each edge through the tunnel."
    )
    silent_after: float = Field(
        default=180.0,
        ge=1,
        le=3600,
        title="Silent",
        description="An edge silent for so many seconds is taken up anew: its clock "
        "may have stepped back, and WireGuard would refuse it for ever.",
    )

    @property
    def address(self) -> str:
        """The hub's own address: the first of the network."""
        return str(IPv4Network(self.network)[1])


class RelaySection(Section):
    """Where browsers reach this node."""

    listen: Address = Field(default="127.0.0.1:7480", title="Listen", description="Address of the HTTP port.")
    public_url: Origin = Field(
        default="http://127.0.0.1:7480", title="Public URL", description="How browsers reach it: scheme, host, port."
    )
    ui_origin: Origin = Field(
        default="http://127.0.0.1:8080", title="UI's origin", description="The one origin whose pages may ask."
    )
    forwarded_allow_ips: tuple[str, ...] = Field(
        default=(), title="Proxies", description="Proxies whose X-Forwarded-For is believed."
    )
    requests_per_second: float = Field(
        default=100.0, ge=1, le=10_000, title="Requests", description="Sustained requests a second from one address."
    )


class UpdatesSection(Section):
    """Updates that this node hands on to edges; `guardian node update` brings them."""

    keys: Path = Field(
        default=Path("/etc/guardian/update-keys"),
        title="Keys",
        description="Folder with the public keys, NAME.pub, of whose bundles are taken.",
    )
    at_once: int = Field(
        default=8, ge=1, le=64, title="At once", description="How many edges are handed an update at a time."
    )
    megabytes_per_second: float = Field(
        default=20.0, ge=0.1, le=10_000, title="Pace", description="Of all updates together, so that events come first."
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
    hub: HubSection = Field(default_factory=HubSection)
    updates: UpdatesSection = Field(default_factory=UpdatesSection)

    @model_validator(mode="before")
    @classmethod
    def _inside(cls, raw: Any) -> Any:
        """With a hub the gateway's addresses, where not said, are inside the tunnel."""
        hub = raw.get("hub") if isinstance(raw, dict) else None
        gateway = raw.get("gateway", {}) if isinstance(raw, dict) else None
        if not isinstance(hub, dict) or not isinstance(gateway, dict) or hub.get("enabled") is not True:
            return raw
        try:
            section = HubSection.model_validate(hub)
        except ValueError:
            # Told by the section itself, with its own key.
            return raw
        inside = {"listen": f"{section.address}:7443", "renew_listen": f"{section.address}:7445"}
        inside["advertise"] = gateway.get("listen", inside["listen"])
        if section.endpoint is not None:
            port = str(gateway.get("enrol_listen", ":7444")).rpartition(":")[2]
            inside["enrol_advertise"] = f"{section.endpoint.rpartition(':')[0]}:{port}"
        return {**raw, "gateway": {**inside, **gateway}}

    @model_validator(mode="after")
    def _nowhere_else(self) -> "NodeConfig":
        if not self.hub.enabled:
            return self
        if self.hub.endpoint is None:
            raise ValueError("hub.endpoint must say where edges reach the hub")
        for name in ("listen", "renew_listen", "advertise"):
            if split_address(str(getattr(self.gateway, name)))[0] != self.hub.address:
                raise ValueError(f"gateway.{name} must be at the hub's own address {self.hub.address}, or be left out")
        return self

    def gateway_socket(self, caller: Caller) -> Path:
        """Where one of them asks the gateway: the folder is for its group alone."""
        return self.run_dir / "doors" / caller / "api.sock"
