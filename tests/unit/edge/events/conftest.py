"""An edge with a vault, and an empty store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.analyzing.home import Home

from guardian.edge import identity
from guardian.edge.events.book import EventBook
from guardian.edge.events.pictures import PictureFolder, Sealing
from guardian.edge.events.store import EventStore
from guardian.edge.roster import RosterFile


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.make(tmp_path / "state", tmp_path / "run")
    made.deliver_roster()
    return made


@pytest.fixture
def sealing(home: Home) -> Sealing:
    who = identity.load(home.state)
    return Sealing(who, RosterFile(home.state).recipient(who))


@pytest.fixture
def store(home: Home) -> Iterator[EventStore]:
    (home.state / "analyzer").mkdir()
    opened = EventStore(home.state / "analyzer" / "events.db")
    yield opened
    opened.close()


@pytest.fixture
def book(home: Home, store: EventStore) -> EventBook:
    return make_book(home, store)


def make_book(home: Home, store: EventStore) -> EventBook:
    folder = home.state / "analyzer" / "objects"
    folder.mkdir(exist_ok=True)
    pictures = PictureFolder(folder, quality=85, thumbnail_height=320)
    return EventBook(store, pictures, ring=home.run / "ring", pre_capture=5, post_capture=5)
