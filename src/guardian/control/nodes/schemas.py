"""Nodes as browsers see them."""

from guardian.control.schemas import HEX_EXAMPLE, TIME_EXAMPLE, Hex, Message, Time, example

_NODE = {
    "id": HEX_EXAMPLE,
    "name": "Home node",
    "online": True,
    "last_seen": TIME_EXAMPLE,
    "relay_url": "https://node.example:8443",
    "software_version": "0.1.0",
}


class Node(Message):
    """`relay_url` is where the browser fetches sealed bytes; empty until the node has said."""

    model_config = example(_NODE)

    id: Hex
    name: str
    online: bool
    last_seen: Time | None
    relay_url: str
    software_version: str
