"""Types of the configuration that both ends share; imports nothing, for every daemon reads them."""

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

Driver = Literal["auto", "kernel", "userspace"]
# What the kernel takes, less what a path or a shell might make something of.
Interface = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9]{0,14}\z")]


def _network(value: str) -> str:
    try:
        network = IPv4Network(value)
    except ValueError:
        raise ValueError("must be an IPv4 network, e.g. 10.86.0.0/16") from None
    if not network.is_private or not 8 <= network.prefixlen <= 29:
        raise ValueError("must be a private network with 6 addresses or more")
    return str(network)


Network = Annotated[str, AfterValidator(_network)]
