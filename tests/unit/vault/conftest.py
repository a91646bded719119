"""A household and one of its clips, made once."""

import pytest
from tests.unit.vault.opening import CLIP_ID, Opener
from tests.vectors.household import Home, seal_clip


@pytest.fixture(scope="session")
def home() -> Home:
    return Home()


@pytest.fixture(scope="session")
def foreign() -> Home:
    return Home("foreign")


@pytest.fixture(scope="session")
def opener(home: Home) -> Opener:
    return Opener(home, home.epochs)


@pytest.fixture(scope="session")
def clip(home: Home) -> bytes:
    return seal_clip(home.edge_keys, home.roster.epoch, home.metadata(), CLIP_ID)
