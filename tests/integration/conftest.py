"""The street: one control plane as processes, shared by folders that put houses on it; made when first asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.integration.tenancy.street import Street, opened

_ON_THE_STREET = ("tenancy", "hostile")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def street() -> AsyncIterator[Street]:
    """PostgreSQL, api and agents; what moves in stops with them."""
    async with opened() as made:
        yield made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Houses and their residents live on the session's loop, and setting up the first takes its time."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent.parent == here and item.path.parent.name in _ON_THE_STREET:
            item.add_marker(pytest.mark.timeout(300))
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
