"""Two houses on one street."""

import asyncio
from dataclasses import dataclass

import pytest_asyncio
from tests.integration.tenancy.belongings import Belongings, furnish
from tests.integration.tenancy.street import Street


@dataclass
class Neighbours:
    """`fen` tries what is `moor`'s."""

    fen: Belongings
    moor: Belongings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def neighbours(street: Street) -> Neighbours:
    """Two tenants, each with a node, an edge, a household and one of everything."""
    houses = await asyncio.gather(street.move_in("fen"), street.move_in("moor"))
    with street.explained():
        fen, moor = await asyncio.gather(*(furnish(house) for house in houses))
    return Neighbours(fen, moor)
