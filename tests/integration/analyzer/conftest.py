"""An edge whose owner has added it to the vault."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.analyzing.home import Home, short_folder


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Enrolled, its roster delivered."""
    with short_folder() as run:
        made = Home.make(tmp_path, run)
        made.deliver_roster()
        yield made
