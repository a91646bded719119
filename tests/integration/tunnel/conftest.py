"""A node with its hub and one edge, enrolled over the wire, each in a network namespace."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.tunnel.place import Place, open_place
from tests.integration.tunnel.wires import Wires, wires


@pytest.fixture
async def switch() -> AsyncIterator[Wires]:
    """A switch and no host yet."""
    async with wires() as made:
        yield made


@pytest.fixture
async def place(switch: Wires) -> Place:
    """Node and edge; the tunnel is up."""
    made = await open_place(switch)
    await made.edge_up()
    return made
