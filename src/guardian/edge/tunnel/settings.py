"""`identity/tunnel.json`: what the node said of the tunnel at enrolment. Nothing secret; the key is elsewhere."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from guardian.common.config import Section
from guardian.common.rpc import split_address
from guardian.edge.identity import TUNNEL_FILE, IdentityError, folder_of

_MAX_BYTES = 8 << 10


def _ipv4(value: str) -> str:
    address = IPv4Address(value)
    # The node may send this edge nowhere but into a private network.
    if not address.is_private or address.is_loopback or address.is_link_local or address.is_unspecified:
        raise ValueError("must be a private address")
    return str(address)


def _host_port(value: str) -> str:
    host, port = split_address(value)
    if not port or not host.isprintable() or not host.isascii() or " " in host:
        raise ValueError("must be host:port")
    return value


Private = Annotated[str, AfterValidator(_ipv4)]
HostPort = Annotated[str, Field(max_length=300), AfterValidator(_host_port)]


class TunnelFile(Section):
    """`hub_public` hexadecimal; `renewal` is host:port inside the tunnel."""

    hub_public: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
    endpoint: HostPort
    address: Private
    hub_address: Private
    mtu: Annotated[int, Field(ge=576, le=9000)]
    renewal: HostPort

    @property
    def host(self) -> str:
        """What people call the node: the name or address it is reached by."""
        return split_address(self.endpoint)[0]


def check(file: TunnelFile, network: str) -> None:
    """IdentityError `tunnel_outside` unless the addresses are such as a hub gives in this network.

    A route to the hub's address is made past all others: were it a camera's, or the router's, the node would be those.
    """
    known = IPv4Network(network)
    address = IPv4Address(file.address)
    taken = (known.network_address, known[1], known.broadcast_address)
    if IPv4Address(file.hub_address) != known[1] or address not in known or address in taken:
        raise IdentityError(
            f"The node gives this edge the address {file.address} and itself {file.hub_address}, which are not such of "
            f"{network}.",
            reason="tunnel_outside",
            hint="Is that the node's hub.network? Then write it here as tunnel.network; else do not trust this node.",
        )


def load(state_dir: Path) -> TunnelFile | None:
    """The settings; None when this edge has no tunnel (yet). IdentityError `identity_damaged`."""
    path = folder_of(state_dir) / TUNNEL_FILE
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"{path} cannot be read: {error.strerror}.", reason="identity_unreadable") from error
    try:
        if len(raw) > _MAX_BYTES:
            raise ValueError("size")
        return TunnelFile.model_validate_json(raw)
    except (ValidationError, ValueError) as error:
        raise IdentityError(
            f"{path} is not what enrolment wrote.", reason="identity_damaged", hint="Enrol again as a new edge."
        ) from error
