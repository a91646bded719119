"""The three hosts of a lab together: camera, edge, node, control plane and the household's owner (HOST=site)."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from tests.host.runner import Host, connect
from tests.host.site.household import Owner


def pytest_ignore_collect(collection_path: Any, config: pytest.Config) -> bool | None:
    """These need three hosts, not one."""
    return None if os.environ.get("HOST") == "site" else True


@pytest.fixture(scope="session")
def edge() -> Iterator[Host]:
    """The Mini PC at home."""
    yield from _connected("edge")


@pytest.fixture(scope="session")
def node() -> Iterator[Host]:
    """The tenant's node."""
    yield from _connected("node")


@pytest.fixture(scope="session")
def control() -> Iterator[Host]:
    """The control plane."""
    yield from _connected("control")


@pytest_asyncio.fixture
async def owner() -> AsyncIterator[Owner]:
    """Logged in, with the household's keys; begins the household when there is none."""
    async with Owner.at_the_lab() as owner:
        await owner.settle()
        yield owner


def _connected(name: str) -> Iterator[Host]:
    host = connect(f"lab:{name}")
    yield host
    host.close()
