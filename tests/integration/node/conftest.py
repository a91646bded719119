"""Fixtures of the node's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.integration.node.kit import Household, Node, open_node, short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short, empty folder."""
    with short_folder() as path:
        yield path


@pytest.fixture
async def node(folder: Path) -> AsyncIterator[Node]:
    """A node whose gateway runs in this process."""
    node = await open_node(folder / "node")
    yield node
    await node.close()


@pytest.fixture
def household() -> Household:
    """An owner with a vault."""
    return Household()
