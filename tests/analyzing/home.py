"""An enrolled edge in a household that has added it, and the member who can open what it seals."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from guardian.common import config, kept
from guardian.edge import identity, roster
from guardian.edge.config import EdgeConfig
from guardian.vault import roster_author
from guardian.vault.encoding import new_id
from guardian.vault.header import Kind
from guardian.vault.identity import Keys
from guardian.vault.reader import FileSource, open_object
from guardian.vault.roster import Roster, RosterEntry, to_json
from guardian.vault.roster_form import Edge

CAMERA = "front"


@dataclass
class Home:
    """Folders of one edge, and its owner."""

    state: Path
    run: Path
    keys: Keys
    edge: str
    author: roster_author.Author
    entries: list[RosterEntry]
    config: Path

    @classmethod
    def make(cls, state: Path, run: Path) -> "Home":
        """Enrolled, the roster not delivered yet."""
        keys, edge = Keys.generate(), new_id()
        file = identity.IdentityFile(tenant="home", edge=edge, name="Mini PC", gateway="localhost:1")
        kept.put(state, identity.parts(state, file, keys, tls_key=b"key", tls_certificate=b"certificate", ca=b"ca"))
        author, first = roster_author.genesis("Ada", Keys.generate())
        member = Edge(id=edge, name="Mini PC", sign=keys.sign_public, receive=keys.receive_public)
        added = roster_author.add_edge(Roster.verify([first]), author, member)
        return cls(state, run, keys, edge, author, [first, added], state / "edge.yaml")

    def deliver_roster(self) -> None:
        """As the uplink would."""
        path = roster.path_of(self.state)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_json(self.entries))

    def configure(self, **sections: object) -> EdgeConfig:
        """Write `edge.yaml` and read it back."""
        raw = {"state_dir": str(self.state), "run_dir": str(self.run), **sections}
        self.config.write_text(yaml.safe_dump(raw))
        return self.settings()

    def settings(self) -> EdgeConfig:
        """`edge.yaml` as it is now; the environment of the tests is left out."""
        return config.load(EdgeConfig, self.config, environ={})

    @property
    def roster(self) -> Roster:
        """The household's checked roster."""
        return Roster.verify(self.entries)

    def open(self, object_id: str, kind: Kind) -> bytes:
        """A sealed picture as its owner sees it."""
        path = next((self.state / "analyzer" / "objects").glob(f"*/{object_id}.sealed"))
        epochs = roster_author.open_epochs(self.roster, self.author)
        with FileSource(path) as source:
            opened = open_object(
                source, self.roster, epochs, edge=self.edge, object_id=object_id, camera=CAMERA, kind=kind
            )
            assert opened.state == "complete"
            return b"".join(opened.content())


@contextmanager
def short_folder() -> Iterator[Path]:
    """For sockets: their paths must be short."""
    folder = Path(tempfile.mkdtemp(prefix="gdn"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
